"""label() and handle() by what each client gives its caller: objects with and without an id, dicts, streams."""

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.families import FAMILIES, Family, drain, read
from tests.sdk.doubles.provider import Provider, answer_json, recording

# Their streams are generators of the client's own making, behind which the observed response is hidden. What comes out of
# them bears the id.
HIDDEN_STREAMS = {"gemini", "cohere-1", "cohere-2", "huggingface"}


def labelled(sdk: Sdk) -> list[tuple[str, str]]:
    assert costspan.flush(10)
    return [(log.trace_id, log.span_id) for log in sdk.collector.logs]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_by_the_response(family: Family, provider: Provider, sdk: Sdk) -> None:
    with family.call(provider, is_stream=False) as response:
        read(response)
        costspan.label(response, correct=True)
        handle = costspan.handle(response)
        costspan.label(handle, score=1, name="stars")
    span = sdk.span()
    assert handle == f"00-{span.trace_id}-{span.span_id}-01"
    assert labelled(sdk) == [(span.trace_id, span.span_id)] * 2


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_by_the_stream_or_its_chunks(family: Family, provider: Provider, sdk: Sdk) -> None:
    with family.call(provider, is_stream=True) as stream:
        if family.name not in HIDDEN_STREAMS:
            costspan.label(stream, correct=False)
            assert costspan.handle(stream).startswith("00-")
        chunks = drain(stream)
        span = sdk.span()
        costspan.label(chunks[0] if family.name in HIDDEN_STREAMS else stream, correct=True)
    assert set(labelled(sdk)) == {(span.trace_id, span.span_id)}
    assert len(sdk.collector.logs) == (1 if family.name in HIDDEN_STREAMS else 2)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.name in ("converse", "invoke")], ids=str)
def test_an_aws_stream_is_found_by_the_dict_and_by_the_object_in_it(family: Family, provider: Provider, sdk: Sdk) -> None:
    with family.call(provider, is_stream=True) as response:
        costspan.label(response.get("stream", response.get("body")), correct=True)
        costspan.label(response, correct=True)
        drain(response)
    assert labelled(sdk) == [(sdk.span().trace_id, sdk.span().span_id)] * 2


def test_vectors_without_an_id(provider: Provider, sdk: Sdk) -> None:
    ollama = pytest.importorskip("ollama")
    provider.say(recording("embeddings").answer())
    with openai_client(provider) as client:
        of_openai = client.embeddings.create(model="text-embedding-3-small", input="hi")
    provider.say(answer_json({"model": "all-minilm", "embeddings": [[0.5]], "prompt_eval_count": 2}))
    with ollama.Client(host=provider.url) as other:
        of_ollama = other.embed(model="all-minilm", input="hi")
    handles = [costspan.handle(of_openai), costspan.handle(of_ollama)]
    assert handles == [f"00-{span.trace_id}-{span.span_id}-01" for span in sdk.spans()]
