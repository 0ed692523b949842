"""Attribution across threads and pools, and that nothing else changes for those who use them."""

import asyncio
import contextvars
import gc
import inspect
import threading
import time
import traceback
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import thread as pool_module
from multiprocessing import get_context
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import Tracer, TracerProvider

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.test_context import said
from tests.sdk.test_processes import run

pytestmark = pytest.mark.usefixtures("sdk")
application_variable: contextvars.ContextVar[str] = contextvars.ContextVar("application_variable", default="unset")
PATCHED = [
    (threading.Thread, "start"),
    (pool_module._WorkItem, "__init__"),
    (pool_module._WorkItem, "run"),
    (Tracer, "start_span"),
]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


def in_thread(function: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_submitted_work_has_the_attribution_of_its_submission(pool: ThreadPoolExecutor) -> None:
    with costspan.feature("search", customer="acme", plan=3):
        first = pool.submit(said)
        with costspan.feature("rerank"):
            second = pool.submit(said)
    assert first.result() == {"feature": "search", "customer": "acme", "plan": 3}
    assert second.result() == {"feature": "rerank", "customer": "acme", "plan": 3}
    assert pool.submit(said).result() == {}
    with costspan.attribute(user="u1"):
        assert list(pool.map(lambda _: said(), range(2))) == [{"user": "u1"}] * 2


def test_a_pool_that_grows_inside_a_scope_is_not_bound_to_it() -> None:
    with ThreadPoolExecutor(4) as pool:
        with costspan.feature("search"):
            gate = threading.Barrier(4)
            list(pool.map(lambda _: gate.wait(5), range(4)))
        assert {str(pool.submit(said).result()) for _ in range(20)} == {"{}"}


def test_what_an_initializer_sets_stays_and_nothing_of_the_submitter_comes_along() -> None:
    with ThreadPoolExecutor(1, initializer=application_variable.set, initargs=("of the worker",)) as pool:
        application_variable.set("of the submitter")
        token = context.attach(baggage.set_baggage("tenant", "blue"))
        span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("request")
        with costspan.feature("search"), trace.use_span(span):
            seen = pool.submit(lambda: (application_variable.get(), dict(baggage.get_all()), trace.get_current_span())).result()
        context.detach(token)
        assert seen == ("of the worker", {"costspan.feature": "search"}, trace.INVALID_SPAN)
        assert pool.submit(baggage.get_all).result() == {}
        pool.submit(application_variable.set, "by the work")
        assert pool.submit(application_variable.get).result() == "by the work"
        application_variable.set("unset")


def test_the_event_loops_executor_and_to_thread() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with costspan.feature("search"):
            waiting = [loop.run_in_executor(None, said), asyncio.create_task(asyncio.to_thread(said))]
        assert await asyncio.gather(*waiting) == [{"feature": "search"}, {"feature": "search"}]
        assert await loop.run_in_executor(None, said) == {}

    asyncio.run(main())


def test_what_came_in_the_baggage_is_carried_too(pool: ThreadPoolExecutor) -> None:
    token = context.attach(baggage.set_baggage("costspan.feature", "upstream"))
    carried = pool.submit(said), in_thread(said)
    context.detach(token)
    assert (carried[0].result(), carried[1]) == ({"feature": "upstream"}, {"feature": "upstream"})


def test_pools_and_threads_inside_pools(pool: ThreadPoolExecutor) -> None:
    def outer() -> Any:
        with ThreadPoolExecutor(1) as inner, costspan.attribute(user="u1"):
            return inner.submit(lambda: in_thread(said)).result()

    with costspan.feature("search"):
        assert pool.submit(outer).result() == {"feature": "search", "user": "u1"}


def test_threads_timers_and_classes_of_threads() -> None:
    seen: list[Any] = []

    class Worker(threading.Thread):
        """Has a ``run`` of its own and calls no other."""

        def run(self) -> None:
            seen.append((said(), "run" in self.__dict__))

    timer = threading.Timer(0.01, lambda: seen.append((said(), False)))
    worker, odd = Worker(), threading.Thread()
    odd.run = own = lambda: seen.append((said(), odd.run is own))  # type: ignore[method-assign]
    with costspan.feature("search"):
        for thread in (worker, timer, odd):
            thread.start()
        for thread in (worker, timer, odd):
            thread.join()
    plain = Worker()
    plain.start()
    plain.join()
    assert sorted(seen, key=str) == sorted(
        [({"feature": "search"}, False)] * 2 + [({"feature": "search"}, True), ({}, False)], key=str
    )


def test_a_thread_that_cannot_be_started_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(threading.Thread):
        """Does not call ``Thread.__init__``."""

        def __init__(self) -> None:
            pass

    thread = threading.Thread(target=said)
    before = dict(thread.__dict__)
    with costspan.feature("search"):
        with pytest.raises(RuntimeError, match=r"thread\.__init__\(\) not called"):
            Careless().start()
        with monkeypatch.context() as patched:
            for name in ("_start_new_thread", "_start_joinable_thread"):
                if hasattr(threading, name):
                    patched.setattr(threading, name, lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no more threads")))
            with pytest.raises(RuntimeError, match="no more threads"):
                thread.start()
        assert thread.__dict__ == before
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="threads can only be started once"):
            thread.start()
        assert "run" not in thread.__dict__


def test_arguments_results_and_exceptions_are_the_very_same_objects(pool: ThreadPoolExecutor) -> None:
    argument, error = object(), KeyError("of the application")

    def fail() -> None:
        raise error

    with costspan.feature("search"):
        assert pool.submit(lambda *given, **named: (given, named), argument, key=argument).result() == (
            (argument,),
            {"key": argument},
        )
        assert pool.submit(threading.current_thread).result().name.startswith("ThreadPoolExecutor")
        raised = pool.submit(fail).exception()
    assert raised is error
    assert not [
        frame for frame in traceback.extract_tb(error.__traceback__) if "costspan" in frame.filename.rpartition("/tests/")[0]
    ]
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["run", "fail"]


def test_cancellation_callbacks_and_subclasses() -> None:
    seen: list[Any] = []

    class Counting(ThreadPoolExecutor):
        """Counts what it is given."""

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            seen.append(fn)
            return super().submit(fn, *args, **kwargs)

    gate = threading.Event()
    with Counting(1) as pool, costspan.feature("search"):
        blocking = pool.submit(gate.wait, 5)
        waiting = pool.submit(said)
        waiting.add_done_callback(lambda future: seen.append(future.cancelled()))
        assert waiting.cancel()
        gate.set()
        assert blocking.result() is True
        with pytest.raises(CancelledError):
            waiting.result()
        assert pool.submit(said).result() == {"feature": "search"}
    assert seen == [gate.wait, said, True, said]


class Payload:
    """Something that can be seen to be gone."""


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_kept_once_the_work_is_done(fails: bool, pool: ThreadPoolExecutor) -> None:
    def work(given: Payload) -> None:
        if fails:
            raise ValueError("of the application")

    payload = Payload()
    gone = weakref.ref(payload)
    gc.collect()
    gc.disable()
    try:
        with costspan.feature("search"):
            future = pool.submit(work, payload)
            future.exception()
            thread = threading.Thread(target=lambda kept=payload: None)
            thread.start()
            thread.join()
        del payload, future, thread
        pool.submit(int).result()
        deadline = time.monotonic() + 5
        while gone() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert gone() is None
    finally:
        gc.enable()


def test_work_for_other_processes_is_pickled_as_ever() -> None:
    with costspan.feature("search"), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(divmod, 7, 2).result(60) == (3, 1)


def test_everything_patched_comes_back_as_the_very_same_object(sdk: Sdk) -> None:
    costspan.uninstrument()
    originals = [owner.__dict__[name] for owner, name in PATCHED]
    assert not [original for original in originals if hasattr(original, "__wrapped__")]
    costspan.init(endpoint=sdk.collector.url)
    costspan.init(endpoint=sdk.collector.url)
    patched = [owner.__dict__[name] for owner, name in PATCHED]
    assert [function.__wrapped__ for function in patched] == originals
    assert [inspect.signature(function) for function in patched] == [inspect.signature(original) for original in originals]
    with costspan.feature("search"):
        assert in_thread(said) == {"feature": "search"}
        costspan.uninstrument()
        assert in_thread(said) == {}
    assert [owner.__dict__[name] for owner, name in PATCHED] == originals


def test_a_start_that_somebody_else_has_wrapped_since_stays_and_goes_quiet(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = threading.Thread.start

    def theirs(thread: threading.Thread) -> None:
        ours(thread)

    monkeypatch.setattr(threading.Thread, "start", theirs)
    costspan.uninstrument()
    with costspan.feature("search"):
        assert in_thread(said) == {}
        costspan.init(endpoint=sdk.collector.url)
        assert in_thread(said) == {"feature": "search"}


GEVENT = """
from gevent import monkey
{first}
import asyncio, threading, time
from concurrent.futures import ThreadPoolExecutor
import gevent, costspan
from costspan._context import current
costspan.init()
{second}
def said():
    time.sleep(0.001)
    return current().feature
def in_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(said()))
    thread.start()
    thread.join()
    return results[0]
with ThreadPoolExecutor(2) as pool:
    with costspan.feature("search"):
        waiting = [pool.submit(said) for _ in range(5)] + [pool.submit(in_thread)]
        spawned = gevent.spawn(said)
        mine = in_thread()
    assert [future.result() for future in waiting] == ["search"] * 6
    # Greenlets that are spawned begin with an empty context: gevent carries nobody's variables.
    assert (mine, spawned.get(), in_thread(), pool.submit(said).result()) == ("search", None, None, None)
    features = [costspan.feature(f"f{{number}}")(said) for number in range(20)]
    assert [job.get() for job in [gevent.spawn(feature) for feature in features]] == [f"f{{n}}" for n in range(20)]
costspan.shutdown(0)
"""


@pytest.mark.parametrize("is_early", [True, False], ids=["patched first", "patched last"])
def test_under_gevent(is_early: bool) -> None:
    patch = "monkey.patch_all()"
    # gevent warns of what was imported before it, and of more on newer Pythons, whoever did it.
    run(GEVENT.format(first=patch if is_early else "", second="" if is_early else patch), "-W", "ignore")
