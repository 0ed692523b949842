"""handle(): the name of a call that can be kept anywhere, and labelled by any process."""

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext

import costspan
from costspan._index import handle_of
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.provider import Provider, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}
TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
HANDLE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

ASKING = """
import sys, openai, costspan
costspan.init(endpoint=sys.argv[1], service="tests")
client = openai.OpenAI(base_url=sys.argv[2] + "/v1", api_key="key")
print(costspan.handle(client.embeddings.create(model="text-embedding-3-small", input="hi")))
"""
LABELLING = """
import sys, costspan
costspan.init(endpoint=sys.argv[1], service="tests")
costspan.label(sys.argv[2], correct=True, by="reviewer")
"""


def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask(provider: Provider) -> Any:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        return client.chat.completions.create(**CHAT)


def places(sdk: Sdk) -> list[tuple[str, str]]:
    assert costspan.flush(10)
    return [(log.trace_id, log.span_id) for log in sdk.collector.logs]


def test_it_is_the_traceparent_of_the_call_s_span(provider: Provider, sdk: Sdk) -> None:
    response = ask(provider)
    handles = {costspan.handle(response), costspan.handle(response.id), costspan.handle({"id": response.id})}
    span = sdk.span()
    assert handles == {f"00-{span.trace_id}-{span.span_id}-01"}


def test_another_process_labels_by_it(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("embeddings").answer())
    handle = run(ASKING, sdk.collector.url, provider.url)
    run(LABELLING, sdk.collector.url, handle)
    (log,), span = sdk.collector.logs, sdk.span()
    assert handle == f"00-{span.trace_id}-{span.span_id}-01"
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert log.attributes["gen_ai.evaluation.score.value"] == 1.0
    assert "gen_ai.response.id" not in log.attributes


def test_an_opentelemetry_span_and_its_context_do_as_well(provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, application = InMemorySpanExporter(), TracerProvider()
    application.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", application)
    ask(provider)
    (ended,) = exporter.get_finished_spans()
    context = ended.get_span_context()
    for named in (ended, context, NonRecordingSpan(context)):
        costspan.label(named, correct=True)
        assert costspan.handle(named) == handle_of(context)
    application.shutdown()
    span = sdk.span()
    assert places(sdk) == [(span.trace_id, span.span_id)] * 3


def test_what_looks_nearly_like_one_is_a_response_id(sdk: Sdk) -> None:
    for text in (HANDLE.upper(), "01" + HANDLE[2:], HANDLE + "-00", HANDLE[:-1]):
        costspan.label(text, correct=True)
    costspan.label(HANDLE, correct=True)
    assert places(sdk) == [("", "")] * 4 + [(f"{TRACE_ID:032x}", f"{SPAN_ID:016x}")]


@pytest.mark.parametrize("call", [f"00-{'0' * 32}-{SPAN_ID:016x}-01", f"00-{TRACE_ID:032x}-{'0' * 16}-01", INVALID_SPAN])
def test_a_span_without_an_id_is_named(call: Any, sdk: Sdk) -> None:
    for function in (costspan.handle, lambda named: costspan.label(named, correct=True)):
        with pytest.raises(TypeError, match="the span has no id"):
            function(call)
    assert places(sdk) == []


def test_what_has_no_handle_is_said(sdk: Sdk) -> None:
    with pytest.raises(TypeError, match="response: object is no response of an observed client"):
        costspan.handle(object())
    with pytest.raises(ValueError, match="response: the call of 'resp_elsewhere' is not known in this process"):
        costspan.handle("resp_elsewhere")


def test_before_init_no_call_is_known() -> None:
    script = "import costspan\ntry:\n    costspan.handle('r')\nexcept ValueError as error:\n    print(error)"
    assert run(script) == "response: no call is known before costspan.init(); call it first"


def test_the_handle_of_a_context_is_55_characters_long() -> None:
    assert handle_of(SpanContext(1, 2, is_remote=False)) == f"00-{1:032x}-{2:016x}-00"
    assert len(handle_of(SpanContext(TRACE_ID, SPAN_ID, is_remote=False))) == 55
