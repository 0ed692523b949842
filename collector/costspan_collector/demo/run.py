"""``costspan demo``: the main job on real traffic, from a call to an alert, with a check to the last digit."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from importlib import import_module

from rich.console import Console, RenderableType

import costspan
from costspan_collector.demo import processes, report
from costspan_collector.demo.collector_client import CollectorClient
from costspan_collector.demo.ledger import Spend, differences, spend_by_feature, total
from costspan_collector.demo.processes import Child, DemoError
from costspan_collector.demo.product import PlannedCall, plan
from costspan_collector.demo.receiver import Delivery, WebhookReceiver
from costspan_collector.demo.standing import THRESHOLDS, CrossingWatch, budget_for
from costspan_collector.demo.trace import read_trace, sample

DONE, CHECK_FAILED, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
FEWEST_CALLS = 100

SIMULATOR_TIMEOUT_S = 30.0
COLLECTOR_TIMEOUT_S = 180.0  # the first start creates the database, and copies its programs where need be
FLUSH_TIMEOUT_S = 30.0
GIVE_UP_S = 1.0  # for calls of a demo that was interrupted
BOOKED_TIMEOUT_S = 60.0
ALERTS_TIMEOUT_S = 15.0


def run_demo(
    *,
    calls: int = 5000,
    full: bool = False,
    keep: bool = False,
    port: int = 0,
    console: Console | None = None,
) -> int:
    """Replay ``calls`` rows of the trace (all if ``full``) and print what they cost, the alerts, and the check.

    The collector listens on ``port`` of loopback, 0 for a free one, and keeps its data in a folder that is deleted at the
    end; ``keep`` leaves both. Returns 0 if all is well, 1 if a check failed, 2 if the demo could not run, 130 if it was
    interrupted. It leaves no process behind but the collector that ``keep`` asks for.
    """
    screen = console or Console()
    interrupts: list[int] = []
    try:
        with processes.interruptible(interrupts), processes.own_environment():
            return _run(_planned(calls, full), keep, processes.free_port(port), screen)
    except BaseException as error:
        # An interrupt may arrive wrapped in an error of the library that it struck.
        if interrupts or isinstance(error, KeyboardInterrupt):
            screen.print("interrupted; nothing is left running")
            return INTERRUPTED
        if isinstance(error, DemoError):
            screen.print(f"the demo could not run: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            return COULD_NOT_RUN
        raise


def _run(calls: Sequence[PlannedCall], keep: bool, port: int, console: Console) -> int:
    passing, lasting = ExitStack(), ExitStack()
    try:
        demo = _Demo(calls, port, console, passing, lasting)
        outcome = demo.run()
        demo.say_where(keep)
        if keep:
            lasting.pop_all()
        return outcome
    finally:
        with processes.uninterrupted(), lasting, passing:
            pass


def _planned(calls: int, full: bool) -> tuple[PlannedCall, ...]:
    try:
        rows = read_trace()
    except FileNotFoundError as error:
        raise DemoError(str(error)) from error
    if not full and not FEWEST_CALLS <= calls <= len(rows):
        raise DemoError(f"calls: {calls} is not between {FEWEST_CALLS} and {len(rows)}")
    return plan(rows if full else sample(rows, calls))


class _Demo:
    """One run. ``lasting`` undoes the collector and its folder, which may be kept; ``passing``, first, all the rest."""

    def __init__(self, calls: Sequence[PlannedCall], port: int, console: Console, passing: ExitStack, lasting: ExitStack) -> None:
        self._calls = calls
        self._expected = spend_by_feature(calls)
        self._port = port
        self._console = console
        self._passing = passing
        self._lasting = lasting
        self._started = datetime.now(UTC)
        self._client = CollectorClient(f"http://127.0.0.1:{port}")
        passing.callback(self._client.close)
        with processes.uninterrupted():
            self._folder = processes.new_folder()
            lasting.callback(processes.delete_folder, self._folder)

    def run(self) -> int:
        """All steps in their order; the exit code."""
        self._say(f"costspan demo: {len(self._calls):,} requests of one hour of production traffic (Azure trace 2023)")
        simulator = self._start_simulator()
        self._collector = self._start_collector()
        _import_clients()
        simulator_url = self._await_simulator(simulator)
        self._await_collector()
        receiver = self._passing.enter_context(WebhookReceiver(self._tell_alert))
        budget = budget_for(self._expected, self._started)
        self._client.create_budget(budget.body(receiver.url, receiver.secret))
        self._say(f"A budget of ${budget.amount_usd} for {budget.name}; its alerts come to {receiver.url}")
        watch = CrossingWatch(budget)
        self._replay(simulator_url, watch)
        found, found_total = self._booked()
        receiver.wait_for(len(THRESHOLDS), ALERTS_TIMEOUT_S)
        books_agree = self._report_spend(found, found_total)
        alerts_came = self._report_alerts(receiver, watch)
        return DONE if books_agree and alerts_came else CHECK_FAILED

    def say_where(self, keep: bool) -> None:
        """Say where the page is, and with ``keep`` how to end the collector."""
        if not keep:
            self._say(f"\nThe page was at {self._client.url}/ and ends with the demo; --keep leaves it running.")
            return
        self._say(f"\nThe page: {self._client.url}/")
        self._say(f"The collector runs on, with its data in {self._folder}")
        self._say(f"Stop it: kill {self._collector.pid}; then delete its data: rm -r {self._folder}")

    def _say(self, what: RenderableType, *, style: str | None = None, markup: bool = True) -> None:
        # Soft wrapping leaves addresses and figures whole on a narrow terminal.
        self._console.print(what, style=style, markup=markup, highlight=False, soft_wrap=True)

    def _start_simulator(self) -> Child:
        with processes.uninterrupted():
            arguments = ["costspan_collector.demo.simulator", "--watch-stdin"]
            simulator = Child("the provider simulator", arguments, self._folder / "simulator.log", stdin_open=True)
            self._passing.callback(simulator.stop)
        return simulator

    def _start_collector(self) -> Child:
        data = processes.collector_data(self._folder)
        with processes.uninterrupted():
            arguments = ["costspan_collector", "up", "--host", "127.0.0.1", "--port", str(self._port), "--data", str(data)]
            collector = Child("the collector", arguments, self._folder / "collector.log")
            self._lasting.callback(collector.stop)
        return collector

    def _await_simulator(self, simulator: Child) -> str:
        simulator.wait_until(lambda: simulator.log.read_text().endswith("\n"), SIMULATOR_TIMEOUT_S)
        url = simulator.log.read_text().splitlines()[0]
        self._say(f"A local provider answers as OpenAI and Anthropic do at {url}")
        return url

    def _await_collector(self) -> None:
        self._say("Waiting for the collector and its Postgres ...")
        self._collector.wait_until(self._client.is_ready, COLLECTOR_TIMEOUT_S)
        self._say(f"The collector serves at {self._client.url}")

    def _replay(self, simulator_url: str, watch: CrossingWatch) -> None:
        from costspan_collector.demo.workload import Hooks, replay

        url = self._client.url
        costspan.init(url, service="demo-product", environment="demo", exit_timeout_s=GIVE_UP_S, spool_size_bytes=0)
        self._passing.callback(costspan.shutdown, timeout_s=GIVE_UP_S)
        self._say("Replaying through the openai and anthropic clients, patched by costspan.init():")
        started_s = time.monotonic()
        with report.ReplayProgress(self._console, len(self._calls)) as progress:

            def done(call: PlannedCall) -> None:
                self._collector.require_alive()
                watch.add(call)
                progress.advance()

            replay(self._calls, simulator_url, Hooks(_attribute, _judge, done))
        took_s = time.monotonic() - started_s
        self._say(f"{len(self._calls):,} calls in {took_s:.1f} s, {len(self._calls) / took_s:.0f} per second")
        costspan.flush(timeout_s=FLUSH_TIMEOUT_S)

    def _tell_alert(self, delivery: Delivery) -> None:
        self._say(f"  alert received: {delivery.threshold:.0%} of the budget is spent")

    def _booked(self) -> tuple[dict[str, Spend], Spend]:
        """The collector's books once they hold all calls and labels, or as they are after ``BOOKED_TIMEOUT_S``."""
        expected = total(self._expected)
        deadline_s = time.monotonic() + BOOKED_TIMEOUT_S
        while True:
            self._collector.require_alive()
            books, booked = self._client.spend_by_feature(self._started)
            complete = booked.calls >= expected.calls and booked.labelled_calls >= expected.labelled_calls
            if complete or time.monotonic() > deadline_s:
                return books, booked
            time.sleep(processes.POLL_S)

    def _report_spend(self, found: dict[str, Spend], found_total: Spend) -> bool:
        self._console.print("", report.spend_table(found, found_total), "", sep="\n")
        wrong = differences(self._expected, found, found_total)
        self._say("The check: the collector's books against an independent sum over the replayed rows")
        for line in report.check_lines(total(self._expected), found_total, wrong):
            self._say(line)
        return not wrong

    def _report_alerts(self, receiver: WebhookReceiver, watch: CrossingWatch) -> bool:
        self._say("\nThe alerts that the webhook received, with their signatures verified:")
        deliveries = sorted(receiver.deliveries, key=lambda delivery: delivery.threshold)
        for delivery in deliveries:
            self._say(report.alert_line(delivery, watch.crossed_s.get(delivery.threshold)))
        once_each = [delivery.threshold for delivery in deliveries] == list(THRESHOLDS)
        if not once_each:
            wanted = ", ".join(str(threshold) for threshold in THRESHOLDS)
            self._say(f"  CHECK FAILED: not exactly one alert for each of the thresholds {wanted}", style="bold red")
        for refusal in receiver.refusals:
            self._say(f"  CHECK FAILED: the webhook refused a request: {refusal}", style="bold red", markup=False)
        return once_each and not receiver.refusals


def _import_clients() -> None:
    # It takes a second or two, in which the servers start.
    try:
        import_module("costspan_collector.demo.workload")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("costspan"):
            raise
        raise DemoError(f"{error.name} is missing; install the demo: pip install 'costspan[demo]'") from error


def _attribute(call: PlannedCall) -> AbstractContextManager[object]:
    return costspan.feature(call.feature.name, customer=call.customer, user=call.user, session=call.session)


def _judge(answer: object, correct: bool) -> None:
    costspan.label(answer, correct=correct)
