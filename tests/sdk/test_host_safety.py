"""The contract with the application, for every endpoint of every adapter: it sees what it would see without us."""

import asyncio
import contextvars
import copy
import gc
import importlib
import json
import weakref
from typing import Any

import pytest

import costspan
from costspan._guard import guard
from costspan._reading import EndpointReader
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Target
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.provider import Provider
from tests.sdk.doubles.samples import MISSING, SAMPLES, Sample, see

TARGETS = [target for adapter in ADAPTERS for target in adapter.targets]
STREAMED = [sample for sample in SAMPLES if sample.stream]
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=str)
every_stream = pytest.mark.parametrize("sample", STREAMED, ids=str)
sync_and_async = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])

# Headers that differ from one request to the next without us.
OWN_HEADERS = {"x-stainless-retry-count", "x-stainless-read-timeout", "idempotency-key", "host"}


def wire(provider: Provider) -> list[Any]:
    """What went over the wire, but for what is different in every request."""
    return [
        (asked.method, asked.path, {k: v for k, v in asked.headers.items() if k not in OWN_HEADERS}, asked.body)
        for asked in provider.asked
    ]


def attribute_of(target: Target) -> Any:
    owner: Any = importlib.import_module(target.module)
    *path, name = target.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    return owner.__dict__[name]


def test_every_endpoint_of_every_adapter_has_a_sample() -> None:
    assert set() == MISSING


@sync_and_async
@every_sample
def test_a_plain_call_is_the_same_for_its_caller_and_on_the_wire(
    sample: Sample, is_async: bool, provider: Provider, sdk: Sdk
) -> None:
    provider.say(sample.answer(is_stream=False))
    costspan.uninstrument()
    bare, bare_wire = see(sample, provider, is_async=is_async, is_stream=False), wire(provider)
    provider.asked = []
    costspan.init(endpoint=sdk.collector.url)
    observed = see(sample, provider, is_async=is_async, is_stream=False)
    assert bare.error is None
    assert observed == bare
    assert wire(provider) == bare_wire
    assert sdk.span().get("error.type") is None


@sync_and_async
@every_stream
def test_a_stream_is_the_same_for_its_caller_and_on_the_wire(
    sample: Sample, is_async: bool, provider: Provider, sdk: Sdk
) -> None:
    provider.say(sample.answer(is_stream=True))
    costspan.uninstrument()
    bare, bare_wire = see(sample, provider, is_async=is_async, is_stream=True), wire(provider)
    provider.asked = []
    costspan.init(endpoint=sdk.collector.url)
    observed = see(sample, provider, is_async=is_async, is_stream=True)
    assert bare.error is None
    assert len(bare.items) > 3
    assert observed == bare
    assert wire(provider) == bare_wire
    assert sdk.span()["gen_ai.request.stream"] is True


@sync_and_async
@every_sample
def test_an_error_of_the_client_passes_and_is_on_the_span(sample: Sample, is_async: bool, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.error)
    costspan.uninstrument()
    bare = see(sample, provider, is_async=is_async, is_stream=False)
    costspan.init(endpoint=sdk.collector.url)
    observed = see(sample, provider, is_async=is_async, is_stream=False)
    assert bare.error is not None
    assert bare.error[0] == "BadRequestError"
    assert observed == bare
    span = sdk.span()
    assert (span["error.type"], span["http.response.status_code"], span.status_code) == ("BadRequestError", 400, 2)
    assert span.status_message == ""
    assert not [name for name in span.attributes if "usage" in name or "cost" in name.removeprefix("costspan")]


@every_sample
def test_the_very_same_exception_object_is_raised(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    class Refusal(Exception):
        """Raised by the application's own transport."""

    refusal = Refusal("by the application")

    class Hook:
        def __call__(self, request: Any) -> None:
            raise refusal

    with sample.client(provider) as client:
        client._client.event_hooks = {"request": [Hook()], "response": []}
        with pytest.raises(Exception) as raised:
            sample.function(client)(**sample.kwargs(is_stream=False))
    assert raised.value is refusal or raised.value.__cause__ is refusal
    assert sdk.span()["error.type"] == type(raised.value).__name__


@sync_and_async
@every_sample
def test_the_callers_arguments_stay_untouched(sample: Sample, is_async: bool, provider: Provider, sdk: Sdk) -> None:
    for is_stream in (False, True) if sample.stream else (False,):
        kwargs = sample.kwargs(is_stream=is_stream)
        kwargs.pop("stream_options", None)
        before = copy.deepcopy(kwargs)
        provider.say(sample.answer(is_stream=is_stream))
        seen = see(sample, provider, is_async=is_async, is_stream=is_stream, **kwargs)
        assert seen.error is None
        assert kwargs == before


@every_sample
def test_no_reference_keeps_a_response_alive(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=False))
    with sample.client(provider) as client:
        response = sample.function(client)(**sample.kwargs(is_stream=False))
        gone = weakref.ref(response)
        del response
        gc.collect()
        assert gone() is None
    assert sdk.span()


@every_sample
def test_a_reader_that_raises_never_reaches_the_application(
    sample: Sample, provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("in the reader")

    monkeypatch.setattr(EndpointReader, "read_body", broken)
    monkeypatch.setattr(guard, "raises", False)
    before = guard.errors.all()
    provider.say(sample.answer(is_stream=False))
    seen = see(sample, provider, is_async=False, is_stream=False)
    assert seen.error is None
    assert len(seen.items) == 1
    span = sdk.span()
    assert span["costspan.cost.state"] == "unpriced"
    assert "gen_ai.usage.input_tokens" not in span.attributes
    assert costspan.stats()["internal_errors_by_type"]["ZeroDivisionError"] == before.get("ZeroDivisionError", 0) + 1
    guard.errors.add("ZeroDivisionError", -1)


@every_sample
def test_a_request_that_cannot_be_read_goes_out_unobserved(
    sample: Sample, provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("in the reader")

    monkeypatch.setattr(EndpointReader, "read_request", broken)
    monkeypatch.setattr(guard, "raises", False)
    provider.say(sample.answer(is_stream=False))
    seen = see(sample, provider, is_async=False, is_stream=False)
    assert seen.error is None
    assert sdk.spans() == []
    guard.errors.add("ZeroDivisionError", -1)


@every_stream
def test_a_stream_that_cannot_be_watched_is_the_clients_own_and_still_booked(
    sample: Sample, provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("in the proxy")

    monkeypatch.setattr("costspan._call.observed_stream", broken)
    monkeypatch.setattr(guard, "raises", False)
    costspan.init(endpoint=sdk.collector.url, request_stream_usage=False)
    guard.raises = False
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = sample.function(client)(**sample.kwargs(is_stream=True))
        assert type(stream).__name__ == "Stream"
        assert len(list(stream)) > 3
    assert sdk.span()["costspan.cost.state"] == "unpriced"
    guard.errors.add("ZeroDivisionError", -1)


def test_a_coroutine_destroyed_in_another_context_does_no_harm(provider: Provider, sdk: Sdk) -> None:
    sample = SAMPLES[0]
    provider.say(sample.answer(is_stream=False))

    async def run() -> None:
        async with sample.client(provider, is_async=True) as client:
            call = sample.function(client)(**sample.kwargs(is_stream=False))
            contextvars.copy_context().run(call.send, None)
            call.close()

    asyncio.run(run())
    assert sdk.span()["error.type"] == "GeneratorExit"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.module}:{target.name}")
def test_uninstrument_puts_the_very_same_function_back(target: Target, sdk: Sdk) -> None:
    costspan.uninstrument()
    original = attribute_of(target)
    assert original.__class__.__name__ == "function"
    assert not hasattr(original, "__wrapped__")
    costspan.init(endpoint=sdk.collector.url)
    patched = attribute_of(target)
    assert patched is not original
    costspan.init(endpoint=sdk.collector.url)
    assert attribute_of(target) is patched
    costspan.uninstrument()
    assert attribute_of(target) is original


@every_sample
def test_a_function_wrapped_by_somebody_else_since_stays_and_goes_quiet(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    adapter = next(adapter for adapter in ADAPTERS if adapter.name == sample.adapter)
    target = next(target for target in adapter.targets if not target.is_async)
    owner: Any = importlib.import_module(target.module)
    *path, name = target.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    ours = owner.__dict__[name]

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return ours.__get__(self, type(self))(*args, **kwargs)

    setattr(owner, name, theirs)
    try:
        costspan.uninstrument()
        assert owner.__dict__[name] is theirs
        provider.say(sample.answer(is_stream=False))
        assert see(sample, provider, is_async=False, is_stream=False).error is None
        assert sdk.spans() == []
        costspan.init(endpoint=sdk.collector.url)
        assert see(sample, provider, is_async=False, is_stream=False).error is None
        assert sdk.span()
    finally:
        setattr(owner, name, ours)


@every_sample
def test_other_requests_of_the_client_pass_without_a_span(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=False))
    with sample.client(provider) as client:
        path = client.base_url.path.rstrip("/")
        client.post("/somewhere/else", cast_to=object, body={"model": "m"})
        client.get("/models/m", cast_to=object)
    assert [asked.path for asked in provider.asked] == [f"{path}/somewhere/else", f"{path}/models/m"]
    assert json.loads(provider.asked[0].body) == {"model": "m"}
    assert sdk.spans() == []
