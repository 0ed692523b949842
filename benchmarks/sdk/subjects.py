"""What is measured: the bare client, costspan, and the peers, each set up as its own documentation says.

Each peer exports to the same local sink through its default batching exporter, so that all pay for the same.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEWEST_CLIENT = ("openai",)
_EXPORTER = "opentelemetry-exporter-otlp-proto-http"


@dataclass(frozen=True, slots=True)
class Running:
    """An instrumentation that has been switched on.

    ``flush`` returns once all that was recorded has been sent. ``scope`` opens what calls are made in. ``dropped``
    is how many calls were lost, where the instrumentation tells.
    """

    flush: Callable[[], object] = lambda: None
    scope: Callable[[], AbstractContextManager[Any]] = nullcontext
    dropped: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to measure: what its environment holds, and how it is switched on.

    ``start`` takes the base URL of the sink. ``variables`` are set in its process, ``{sink}`` standing for that URL.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    start: Callable[[str], Running]
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_peer(self) -> bool:
        return self.name not in ("bare", "costspan")


def _bare(_: str) -> Running:
    return Running()


def _costspan(sink: str) -> Running:
    import costspan

    costspan.init(endpoint=sink, service="bench")
    return Running(
        flush=lambda: costspan.flush(30),
        scope=lambda: costspan.feature("search", customer="acme", user="u-1"),
        dropped=lambda: sum(costspan.stats()["dropped"].values()),
    )


def _provider() -> Any:
    """OpenTelemetry set up as its documentation says: a batching processor and the OTLP exporter."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _openllmetry(_: str) -> Running:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    provider = _provider()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return Running(flush=provider.force_flush)


def _openinference(_: str) -> Running:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    provider = _provider()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return Running(flush=provider.force_flush)


def _openlit(sink: str) -> Running:
    import openlit

    # Left to itself it fetches its prices from the network whenever it starts.
    prices = Path(tempfile.gettempdir(), "costspan-bench-openlit-prices.json")
    prices.write_text(json.dumps({"chat": {"gpt-4.1-nano": {"promptPrice": 0.0001, "completionPrice": 0.0004}}}))
    openlit.init(otlp_endpoint=sink, application_name="bench", pricing_json=str(prices))
    from opentelemetry import trace

    provider: Any = trace.get_tracer_provider()
    return Running(flush=provider.force_flush)


def _langfuse(sink: str) -> Running:
    from langfuse import Langfuse

    client = Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=sink)  # noqa: S106 - opens nothing
    import langfuse.openai  # noqa: F401 - its import is what instruments

    return Running(flush=client.flush)


def _logfire(_: str) -> Running:
    import logfire

    logfire.configure(send_to_logfire=False, console=False, service_name="bench")
    logfire.instrument_openai()
    return Running(flush=logfire.force_flush)


_OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}", "OTEL_SERVICE_NAME": "bench"}

BARE = Subject("bare", "bare client", NEWEST_CLIENT, _bare)
COSTSPAN = Subject("costspan", "costspan", NEWEST_CLIENT, _costspan)
PEERS = (
    Subject(
        "openllmetry",
        "OpenLLMetry",
        (*NEWEST_CLIENT, "opentelemetry-instrumentation-openai", _EXPORTER),
        _openllmetry,
        _OTLP,
    ),
    Subject(
        "openinference",
        "OpenInference",
        (*NEWEST_CLIENT, "openinference-instrumentation-openai", _EXPORTER),
        _openinference,
        _OTLP,
    ),
    # It takes no openai from 3 on; without saying so, the resolver goes back to its first releases.
    Subject("openlit", "OpenLIT", ("openai<3", "openlit==1.45.*", "opentelemetry-sdk<1.46"), _openlit, _OTLP),
    Subject("langfuse", "Langfuse", (*NEWEST_CLIENT, "langfuse"), _langfuse),
    Subject("logfire", "Logfire", (*NEWEST_CLIENT, "logfire"), _logfire, _OTLP),
)
SUBJECTS = {subject.name: subject for subject in (BARE, COSTSPAN, *PEERS)}
