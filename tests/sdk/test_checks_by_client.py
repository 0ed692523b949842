"""What a check sees of each client's answers: the text that the model wrote, all of it and nothing else."""

from collections.abc import Iterator

import pytest

import costspan
from costspan._runtime import engine_or_none
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.bodies import TEXT
from tests.sdk.doubles.families import FAMILIES, Family, drain, read
from tests.sdk.doubles.provider import Provider


@pytest.fixture
def seen(sdk: Sdk) -> Iterator[list[costspan.Output]]:
    outputs: list[costspan.Output] = []
    costspan.check("search", outputs.append)
    yield outputs
    engine = engine_or_none()
    assert engine is not None
    engine.checks.clear()


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_text_of_an_answer(
    family: Family, is_stream: bool, provider: Provider, sdk: Sdk, seen: list[costspan.Output]
) -> None:
    with costspan.feature("search"), family.call(provider, is_stream=is_stream) as result:
        drain(result) if is_stream else read(result)
        del result
    span = sdk.span()
    assert [output.text for output in seen] == [TEXT]
    assert seen[0].finish_reasons == tuple(span["gen_ai.response.finish_reasons"])
    assert seen[0].request_model == span["gen_ai.request.model"]
    assert seen[0].feature == "search"
    if is_stream:
        assert seen[0].response is None
