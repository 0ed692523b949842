"""Whole processes: import, exit, fork, late imports, and what the interpreter may complain about."""

import json
from typing import Any

import pytest

from tests.sdk.doubles.collector import Collector
from tests.sdk.doubles.interpreter import PREPARE, run
from tests.sdk.doubles.provider import Provider, recording


@pytest.fixture
def asks(provider: Provider, collector: Collector) -> dict[str, str]:
    """The environment of a process that asks the test's provider."""
    provider.say(recording("chat_cached").answer())
    return {"PROVIDER": provider.url, "COSTSPAN_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "from-environment"}


@pytest.mark.parametrize("options", [(), ("-O",), ("-X", "dev")], ids=str)
def test_what_has_ended_is_sent_when_the_process_exits(
    options: tuple[str, ...], asks: dict[str, str], collector: Collector
) -> None:
    run(PREPARE + "costspan.init()\nask()\nclient.close()", *options, **asks)
    (span,) = collector.spans
    assert span["costspan.cost.usd"] == "0.000034"
    assert span.resource["service.name"] == "from-environment"


def test_a_stream_left_open_is_booked_as_abandoned_when_the_process_exits(
    provider: Provider, asks: dict[str, str], collector: Collector
) -> None:
    # With anthropic, because closing a response of openai at this point crashes CPython 3.13.0, with us or without.
    provider.say(recording("messages_stream").answer())
    code = """
import anthropic, costspan, os
client = anthropic.Anthropic(base_url=os.environ["PROVIDER"], api_key="key")
costspan.init()
message = {"role": "user", "content": "hi"}
stream = client.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=[message], stream=True)
next(stream)
"""
    run(code, **asks)
    (span,) = collector.spans
    assert span["costspan.usage.incomplete"] is True
    assert span["gen_ai.usage.input_tokens"] == 12


def test_the_wait_at_exit_is_bounded(asks: dict[str, str]) -> None:
    code = """
import atexit, time
ended = []
atexit.register(lambda: print(time.monotonic() - ended[0]))
costspan.init(endpoint="http://127.0.0.1:9", exit_timeout_s=0.5)
ask()
client.close()
ended.append(time.monotonic())
"""
    assert 0.4 < float(run(PREPARE + code, **asks)) < 2


def test_clients_imported_after_init_are_observed(asks: dict[str, str], collector: Collector) -> None:
    code = "import costspan, sys\ncostspan.init()\nassert 'openai' not in sys.modules\n" + PREPARE + "ask()"
    run(code, **asks)
    assert len(collector.spans) == 1


def test_clients_imported_after_uninstrument_are_left_alone(asks: dict[str, str], collector: Collector) -> None:
    code = "import costspan\ncostspan.init()\ncostspan.uninstrument()\n" + PREPARE
    code += """
from openai._base_client import SyncAPIClient
assert type(SyncAPIClient.__dict__["request"]).__name__ == "function"
ask()
costspan.init()
ask()
"""
    run(code, **asks)
    assert len(collector.spans) == 1


def test_a_missing_client_is_no_trouble(collector: Collector) -> None:
    code = """
    import sys
    for name in ("openai", "anthropic", "openai._base_client", "anthropic._base_client"):
        sys.modules[name] = None
    import costspan
    costspan.init()
    assert costspan.flush(1)
    """
    run(code, COSTSPAN_ENDPOINT=collector.url)


def test_import_and_init_are_light_and_touch_nothing(collector: Collector) -> None:
    code = """
    import json, os, sys, threading, time
    before = dict(os.environ)
    began = time.process_time()
    import costspan
    costspan.init()
    spent = time.process_time() - began
    from opentelemetry import trace
    print(json.dumps({
        "spent": spent,
        "environment": dict(os.environ) == before,
        "provider": trace._TRACER_PROVIDER is None,
        "threads": threading.active_count(),
        "heavy": [n for n in ("openai", "anthropic", "urllib3", "google.protobuf", "genai_prices") if n in sys.modules],
    }))
    """
    seen: dict[str, Any] = json.loads(run(code, COSTSPAN_ENDPOINT=collector.url))
    assert seen.pop("spent") < 0.5
    assert seen == {"environment": True, "provider": True, "threads": 1, "heavy": []}


FORKED = """
costspan.init()
ask()
child = os.fork()
if child == 0:
    assert costspan.stats()["queued"] == 0 and costspan.stats()["calls"] == 0
    with costspan.feature("child"):
        ask()
    assert costspan.flush(10)
    assert costspan.stats()["spans_sent"] == 1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
with costspan.feature("parent"):
    ask()
client.close()
"""


def test_a_forked_child_has_a_queue_and_a_thread_of_its_own(asks: dict[str, str], collector: Collector) -> None:
    # Python 3.12 warns of every fork in a process with threads, whoever started them.
    run(PREPARE + FORKED, "-W", "ignore:This process:DeprecationWarning", **asks)
    assert sorted(span.get("costspan.feature") or "" for span in collector.spans) == ["__main__", "child", "parent"]
    assert len({span.span_id for span in collector.spans}) == 3
    assert len({span.trace_id for span in collector.spans}) == 3


MULTIPROCESSING = """
import multiprocessing
costspan.init()
ask()
def work():
    with costspan.feature("worker"):
        ask()
process = multiprocessing.get_context("fork").Process(target=work)
process.start()
process.join(30)
assert process.exitcode == 0
client.close()
"""


def test_a_worker_of_multiprocessing_sends_what_it_has_when_it_ends(asks: dict[str, str], collector: Collector) -> None:
    run(PREPARE + MULTIPROCESSING, "-W", "ignore:This process:DeprecationWarning", **asks)
    assert sorted(span.get("costspan.feature") or "" for span in collector.spans) == ["__main__", "worker"]


STREAM_OVER_FORK = """
costspan.init()
stream = ask(stream=True)
next(stream)
child = os.fork()
if child == 0:
    del stream
    import gc
    gc.collect()
    assert costspan.flush(10) and costspan.stats()["calls"] == 0
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
list(stream)
client.close()
"""


def test_a_stream_opened_before_a_fork_is_booked_by_the_parent_only(
    provider: Provider, asks: dict[str, str], collector: Collector
) -> None:
    provider.say(recording("chat_stream_usage").answer())
    run(PREPARE + STREAM_OVER_FORK, "-W", "ignore:This process:DeprecationWarning", **asks)
    (span,) = collector.spans
    assert span["gen_ai.usage.output_tokens"] == 2


def test_shutdown_ends_everything_and_init_begins_again(asks: dict[str, str], collector: Collector) -> None:
    code = """
costspan.init()
ask()
assert costspan.shutdown(10)
ask()
assert costspan.stats()["calls"] == 1
costspan.init()
ask()
assert costspan.flush(10)
assert costspan.stats()["calls"] == 2
"""
    run(PREPARE + code, **asks)
    assert len(collector.spans) == 2


def test_before_init_everything_may_be_called_and_does_nothing() -> None:
    code = """
    import costspan
    with costspan.feature("search"):
        costspan.label("response", correct=True)
    assert costspan.flush(0) and costspan.shutdown(0)
    costspan.uninstrument()
    assert costspan.stats()["calls"] == 0
    """
    run(code)


def test_the_export_is_not_traced_by_the_applications_instrumentation(asks: dict[str, str], collector: Collector) -> None:
    code = """
import urllib3
from opentelemetry import context
seen = []
original = urllib3.PoolManager.request
def request(self, *args, **kwargs):
    seen.append((context.get_value("suppress_instrumentation"), context.get_value("suppress_http_instrumentation")))
    return original(self, *args, **kwargs)
urllib3.PoolManager.request = request
costspan.init()
ask()
assert costspan.flush(10)
assert seen == [(True, True)], seen
"""
    run(PREPARE + code, **asks)
    assert len(collector.spans) == 1
