"""What needs no server: attribute names, providers, settings, reading, and the public names."""

import inspect
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costspan
from costspan import _settings
from costspan._attributes import STANDARD_USAGE, USAGE_PREFIX, add_usage
from costspan._chunks import ChunkReader
from costspan._facts import Facts
from costspan._providers import PROVIDER_OF_HOST, provider_of_class, provider_of_host
from costspan._reading import EndpointReader
from costspan.adapters._adapter import Endpoint
from costspan.adapters.openai import OPENAI
from costspan.pricing import PROVIDERS
from costspan.usage import (
    CACHE_READ_METERS,
    CACHE_WRITE_METERS,
    INPUT_METERS,
    METERS,
    OUTPUT_METERS,
    input_tokens,
    output_tokens,
)
from costspan.usage.paths import getter

CHAT_ENDPOINT: Endpoint = OPENAI.endpoints[0]


def test_the_public_names_are_these() -> None:
    assert costspan.__all__ == [
        "Output",
        "attribute",
        "check",
        "extract",
        "feature",
        "flush",
        "handle",
        "init",
        "inject",
        "label",
        "shutdown",
        "stats",
        "uninstrument",
    ]
    for name in costspan.__all__:
        assert inspect.getdoc(getattr(costspan, name))


def meters_back(attributes: Mapping[str, Any]) -> dict[str, int]:
    """The disjoint meters, by the rule in the docstring of ``costspan._attributes``."""

    def figure(name: str) -> int:
        return int(attributes.get("gen_ai.usage." + name, 0))

    own = {name.removeprefix(USAGE_PREFIX): value for name, value in attributes.items() if name.startswith(USAGE_PREFIX)}
    audio_cache, image_cache = figure("audio.cache_read.input_tokens"), figure("image.cache_read.input_tokens")
    audio, image = figure("audio.input_tokens") - audio_cache, figure("image.input_tokens") - image_cache
    return {
        **own,
        "cache_read": figure("cache_read.input_tokens") - audio_cache - image_cache,
        "cache_read_audio": audio_cache,
        "cache_read_image": image_cache,
        "cache_write": figure("cache_write.input_tokens") - sum(own.get(meter, 0) for meter in CACHE_WRITE_METERS[1:]),
        "input_audio": audio,
        "input_image": image,
        "input": figure("input_tokens")
        - figure("cache_read.input_tokens")
        - figure("cache_write.input_tokens")
        - audio
        - image
        - own.get("input_video", 0),
        "reasoning": figure("reasoning.output_tokens"),
        "output_audio": figure("audio.output_tokens"),
        "output_image": figure("image.output_tokens"),
        "output": figure("output_tokens")
        - figure("reasoning.output_tokens")
        - figure("audio.output_tokens")
        - figure("image.output_tokens")
        - own.get("output_video", 0),
    }


@given(st.dictionaries(st.sampled_from(METERS), st.integers(0, 10**9)))
def test_the_disjoint_meters_come_back_from_the_attributes(usage: dict[str, int]) -> None:
    attributes: dict[str, Any] = {}
    add_usage(attributes, usage)
    back = meters_back(attributes)
    assert {meter: count for meter, count in back.items() if count} == {m: n for m, n in usage.items() if n}
    assert attributes.get("gen_ai.usage.input_tokens") == input_tokens(usage)
    assert attributes.get("gen_ai.usage.output_tokens") == output_tokens(usage)


def test_a_reported_zero_is_zero_and_a_missing_figure_is_absent() -> None:
    attributes: dict[str, Any] = {}
    add_usage(attributes, {"input": 5, "cache_read": 0, "web_search": 0, "page": Decimal(2)})
    assert attributes == {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "costspan.usage.web_search": 0,
        "costspan.usage.page": 2,
    }


def test_every_token_meter_is_in_its_total() -> None:
    assert STANDARD_USAGE["gen_ai.usage.input_tokens"] == INPUT_METERS
    assert STANDARD_USAGE["gen_ai.usage.output_tokens"] == OUTPUT_METERS
    assert STANDARD_USAGE["gen_ai.usage.cache_read.input_tokens"] == CACHE_READ_METERS


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("api.anthropic.com", "anthropic"),
        ("my-resource.openai.azure.com", "azure.ai.openai"),
        ("my-resource.cognitiveservices.azure.com", "azure.ai.openai"),
        ("my-resource.services.ai.azure.com", "azure.ai.inference"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("us-east5-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("us-east-1.api.x.ai", "x_ai"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("openrouter.ai", "openrouter"),
        ("127.0.0.1", None),
        ("evil-openrouter.ai", None),
        ("api.openai.com.example.org", None),
        ("bedrock-runtime.example.org", None),
        ("", None),
    ],
)
def test_the_provider_of_a_host(host: str, provider: str | None) -> None:
    assert provider_of_host(host) == provider


def test_every_provider_is_known_to_the_price_catalogue_or_bears_its_name() -> None:
    assert set(PROVIDER_OF_HOST.values()) - set(PROVIDERS) == {"cerebras"}


def test_the_provider_of_a_class() -> None:
    class Base:
        """Named in the table."""

    class Client(Base):
        """Derives from it."""

    assert provider_of_class(Client, {"Base": "azure.ai.openai"}) == "azure.ai.openai"
    assert provider_of_class(object, {"Base": "azure.ai.openai"}) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", {"b": [{"c": 1}, {"c": None}, {"c": 3}]}),
        ("a.b.*.c", [1, 3]),
        ("a.x", None),
        ("x.y.z", None),
        ("a.x|n", 7),
        ("n|a", 7),
        ("n.*.c", None),
        ("", None),
    ],
)
def test_paths_lead_through_mappings_and_objects(path: str, value: Any) -> None:
    source = {"a": {"b": [{"c": 1}, {"c": None}, {"c": 3}]}, "n": 7}
    as_object = SimpleNamespace(a={"b": [SimpleNamespace(c=1), SimpleNamespace(c=None), {"c": 3}]}, n=7)
    assert getter(path)(source) == value
    if path != "a":
        assert getter(path)(as_object) == value


def settle(chunks: list[Any], *, is_drained: bool) -> Facts:
    facts = Facts("chat", "openai")
    reader = ChunkReader(EndpointReader(CHAT_ENDPOINT), facts)
    for chunk in chunks:
        reader.read(chunk)
    reader.settle(is_drained=is_drained)
    facts.resolve()
    return facts


def chunk(finish: str | None = None, tokens: int | None = None) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": tokens} if tokens is not None else None
    return {"id": "c", "model": "m", "choices": [{"finish_reason": finish}], "usage": usage}


@pytest.mark.parametrize(
    ("chunks", "is_drained", "output", "is_incomplete"),
    [
        ([chunk(), chunk("stop"), chunk(tokens=5)], True, 5, False),
        ([chunk(), chunk("stop"), chunk(tokens=5)], False, 5, False),
        ([chunk(tokens=1), chunk(tokens=2)], False, 2, True),
        ([chunk(tokens=1), chunk(tokens=2)], True, 2, False),
        ([chunk(tokens=1), chunk("stop", tokens=2)], False, 2, False),
        ([chunk(), chunk("stop")], True, None, False),
        ([chunk(), chunk("stop")], False, None, True),
        ([], False, None, True),
        ([chunk("stop", tokens=0)], True, 0, False),
    ],
)
def test_when_the_figures_of_a_stream_are_final(
    chunks: list[Any], is_drained: bool, output: int | None, is_incomplete: bool
) -> None:
    facts = settle(chunks, is_drained=is_drained)
    assert (facts.reading.usage["output"] if facts.reading else None) == output
    assert facts.is_incomplete is is_incomplete


@pytest.mark.parametrize("broken", ["text", 3, None, [], {"choices": "x", "usage": "y"}, {"choices": [3], "usage": {"a": 1}}])
def test_a_shape_that_is_not_known_gives_no_figure(broken: Any) -> None:
    facts = Facts("chat", "openai")
    EndpointReader(CHAT_ENDPOINT).read_body(facts, broken)
    assert facts.reading is None
    assert settle([broken], is_drained=True).reading is None


def test_settings_come_from_arguments_then_variables_then_defaults() -> None:
    variables = {
        "COSTSPAN_ENDPOINT": "https://collector.example/base/",
        "COSTSPAN_API_KEY": "from-variable",
        "COSTSPAN_ENVIRONMENT": "staging",
        "COSTSPAN_QUEUE_SIZE": "7",
        "COSTSPAN_EXIT_TIMEOUT_S": "1.5",
        "COSTSPAN_REQUEST_STREAM_USAGE": "off",
        "COSTSPAN_SPOOL_DIR": "/var/spool/shop",
        "COSTSPAN_SPOOL_SIZE_BYTES": "4096",
        "COSTSPAN_DATABASE_URL": "the collector's",
        "PATH": "/bin",
    }
    loaded = _settings.load(api_key="from-argument", variables=variables)
    assert loaded == _settings.Settings(
        endpoint="https://collector.example/base",
        api_key="from-argument",
        environment="staging",
        queue_size=7,
        exit_timeout_s=1.5,
        request_stream_usage=False,
        spool_dir=Path("/var/spool/shop"),
        spool_size_bytes=4096,
    )
    assert "from-argument" not in repr(loaded)
    assert _settings.load(variables={}) == _settings.Settings(spool_dir=Path.home() / ".local/state/costspan/spool")
    assert _settings.load(variables={"COSTSPAN_ENDPOINT": ""}).endpoint == "http://127.0.0.1:4318"


def test_the_spool_lies_where_it_is_told_to() -> None:
    def folder(argument: Any = None, size_bytes: int | None = None, **variables: str) -> Path | None:
        return _settings.load(spool_dir=argument, spool_size_bytes=size_bytes, variables=variables).spool_dir

    assert folder(XDG_STATE_HOME="/state") == Path("/state/costspan/spool")
    assert folder(XDG_STATE_HOME="relative") == Path.home() / ".local/state/costspan/spool"
    assert folder("~/spool") == Path.home() / "spool"
    assert folder(Path("spool"), COSTSPAN_SPOOL_DIR="/elsewhere") == Path.cwd() / "spool"
    assert folder("/spool", size_bytes=0) is None
    assert folder(COSTSPAN_SPOOL_SIZE_BYTES="0") is None


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ({}, {"COSTSPAN_ENDPONT": "x"}, "environment variable COSTSPAN_ENDPONT is not known; did you mean COSTSPAN_ENDPOINT?"),
        ({"endpoint": "collector:4318"}, {}, "endpoint: 'collector:4318' is no base URL"),
        ({"endpoint": "http://"}, {}, "endpoint: 'http://' is no base URL"),
        ({"endpoint": "http://u:p@host"}, {}, "endpoint: 'http://u:p@host' is no base URL"),
        ({"endpoint": "http://host:99999"}, {}, "endpoint: 'http://host:99999' is no base URL"),
        ({}, {"COSTSPAN_ENDPOINT": "ftp://host"}, "COSTSPAN_ENDPOINT: 'ftp://host' is no base URL"),
        ({"api_key": "a b"}, {}, "api_key: the value cannot be sent in a header"),
        ({"service": ""}, {}, "service: '' is no text"),
        ({"queue_size": 0}, {}, "queue_size: 0 is not allowed; give a whole number of at least 1"),
        ({}, {"COSTSPAN_QUEUE_SIZE": "many"}, "COSTSPAN_QUEUE_SIZE: 'many' is not allowed; give a whole number of at least 1"),
        ({"spool_dir": " "}, {}, "spool_dir: ' ' is no folder; give its path"),
        ({"spool_dir": 7}, {}, "spool_dir: 7 is no folder; give its path"),
        ({"spool_dir": "a\0b"}, {}, "spool_dir: 'a\\x00b' is no folder; give its path"),
        ({"spool_size_bytes": -1}, {}, "spool_size_bytes: -1 is not allowed; give a whole number of at least 0"),
        ({}, {"COSTSPAN_SPOOL_SIZE_BYTES": "64 MiB"}, "COSTSPAN_SPOOL_SIZE_BYTES: '64 MiB' is not allowed; give a whole"),
        ({"exit_timeout_s": -1}, {}, "exit_timeout_s: -1 is not allowed; give a number of at least 0"),
        ({}, {"COSTSPAN_REQUEST_STREAM_USAGE": "maybe"}, "COSTSPAN_REQUEST_STREAM_USAGE: 'maybe' is neither yes nor no"),
    ],
)
def test_settings_that_cannot_be_used_are_named(arguments: dict[str, Any], variables: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        _settings.load(**arguments, variables=variables)
    assert str(raised.value).startswith(message)
