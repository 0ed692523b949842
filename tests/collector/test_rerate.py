"""Re-rating, with the real database: calls, rollups, standings and alerts follow a correction exactly, and go back exactly."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costspan_collector.prices.current import PriceBooks, stored_prices
from costspan_collector.prices.rerate import Refused, Request, Rerater, Stopped
from costspan_collector.store import rerate_runs as runs
from costspan_collector.store.database import connect
from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.otlp import traces
from tests.support.pricing import PROJECT, Booking, PriceBoard, books_of, call

NOW = datetime.now(UTC).replace(microsecond=0)
DEAR = {"input": "25", "cache_read": "2.5", "output": "200"}


class World:
    """A database with calls, and what re-rates it."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self.board = PriceBoard(database_url)
        self.booking = Booking(database_url, self.board.books)

    def rerater(self, **options: Any) -> Rerater:
        return Rerater(self.database_url, PROJECT, self.board.books, 400, **{"page_calls": 7, **options})

    def request(self, filter_text: str = "", days: int = 30) -> Request:
        return Request(NOW - timedelta(days=days), NOW + timedelta(hours=1), filter_text, "a correction", "somebody")

    def rerate(self, filter_text: str = "") -> runs.Run:
        rerater = self.rerater()
        run = rerater.open(self.request(filter_text), to_apply=True)
        return rerater.apply(run.rerate_id)

    def undo(self, rerate_id: int) -> runs.Run:
        return self.rerater().undo(rerate_id, "somebody")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.booking.close()


def some_calls(count: int, **fields: Any) -> list[Any]:
    return [
        call(number, NOW - timedelta(hours=number), feature=("search", "chat")[number % 2], **fields)
        for number in range(1, count + 1)
    ]


def test_a_preview_says_what_would_change_and_changes_nothing(world: World) -> None:
    world.booking.book(some_calls(20))
    before = books_of(world.database_url)
    world.board.change("gpt-5-mini", input="0.5", output="4")
    rerater = world.rerater()
    run = rerater.preview(rerater.open(world.request("feature:search")).rerate_id)
    assert books_of(world.database_url) == before
    assert (run.state, run.calls_looked_at, run.calls_touched) == ("previewed", 10, 10)
    # 1,000 x 0.25 + 100 x 2 dollars a million, then twice that
    assert (run.before_usd, run.after_usd) == (Decimal("0.0045"), Decimal("0.009"))


def test_applying_moves_calls_rollups_and_cards_and_again_changes_nothing(world: World) -> None:
    world.booking.book(some_calls(20))
    world.board.change("gpt-5-mini", input="0.5", output="4")
    run = world.rerate()
    assert (run.state, run.calls_touched, run.after_usd) == ("applied", 20, Decimal("0.018"))
    assert assert_books_balance(world.database_url) == 20
    after = books_of(world.database_url)
    assert {row[2] for row in after["calls"]} == {Decimal("0.0009")}
    again = world.rerate()
    assert again.calls_touched == 0
    assert books_of(world.database_url) == after


def test_undoing_gives_every_digit_back(world: World) -> None:
    world.booking.book(some_calls(25, model="gpt-4.1"))
    before = books_of(world.database_url)
    world.board.change("gpt-4.1", **DEAR)
    run = world.rerate()
    assert books_of(world.database_url) != before
    undone = world.undo(run.rerate_id)
    assert (undone.state, undone.calls_restored) == ("undone", 25)
    assert books_of(world.database_url) == before
    assert_books_balance(world.database_url)


def test_the_newest_is_undone_first(world: World) -> None:
    world.booking.book(some_calls(5))
    world.board.change("gpt-5-mini", input="1")
    first = world.rerate()
    between = books_of(world.database_url)
    world.board.change("gpt-5-mini", input="2")
    second = world.rerate()
    with pytest.raises(Refused, match=f"re-rating {second.rerate_id} changed some of the same calls later"):
        world.undo(first.rerate_id)
    world.undo(second.rerate_id)
    assert books_of(world.database_url) == between
    world.undo(first.rerate_id)
    with pytest.raises(Refused, match="is undone; only one that was applied can be undone"):
        world.undo(first.rerate_id)


def test_an_unpriced_call_gets_its_price_and_a_reported_one_keeps_its_charge(world: World) -> None:
    charged = call(2, NOW, charged_usd=Decimal("0.5"))
    failed = call(3, NOW, usage=None, error_type="RateLimitError")
    cut = call(4, NOW, incomplete=True)
    world.booking.book([call(1, NOW, model="our-own"), charged, failed, cut])
    world.board.change("our-own", input="1", output="1")
    world.board.change("gpt-5-mini", input="0.5", output="4")
    world.rerate()
    with psycopg.connect(world.database_url) as connection:
        query = "SELECT cost_usd, cost_state, rated_usd FROM call ORDER BY trace_id"
        assert connection.execute(query).fetchall() == [
            (Decimal("0.0011"), "priced", None),
            (Decimal("0.5"), "reported", Decimal("0.0009")),
            (None, None, None),
            (Decimal("0.0009"), "estimated", None),
        ]
    assert_books_balance(world.database_url)


def test_an_interrupted_re_rating_is_gone_on_with_and_the_books_balance_meanwhile(world: World) -> None:
    world.booking.book(some_calls(40))
    world.board.change("gpt-5-mini", input="0.5", output="4")
    batches = 0

    def stop_after_two() -> bool:
        nonlocal batches
        batches += 1
        return batches == 2

    rerater = world.rerater(should_stop=stop_after_two)
    run = rerater.open(world.request(), to_apply=True)
    with pytest.raises(Stopped):
        rerater.apply(run.rerate_id)
    assert_books_balance(world.database_url)
    with psycopg.connect(world.database_url) as connection:
        changed = connection.execute("SELECT count(*) FROM rerate_change").fetchone()
        assert changed is not None
        assert 0 < changed[0] < 40
    finished = world.rerater().apply(run.rerate_id)
    assert (finished.state, finished.calls_touched) == ("applied", 40)
    assert_books_balance(world.database_url)


def test_two_never_apply_at_once(world: World) -> None:
    world.booking.book(some_calls(5))
    rerater = world.rerater()
    run = rerater.open(world.request(), to_apply=True)
    with connect(world.database_url) as other, runs.exclusively(other, PROJECT), pytest.raises(runs.Busy):
        rerater.apply(run.rerate_id)


def test_prices_that_change_after_the_preview_are_previewed_again(world: World) -> None:
    world.booking.book(some_calls(5))
    rerater = world.rerater()
    run = rerater.preview(rerater.open(world.request()).rerate_id)
    world.board.change("gpt-5-mini", input="0.5")
    with pytest.raises(Refused, match="prices have changed since its preview"):
        rerater.apply(run.rerate_id)


def test_ingest_goes_on_and_no_call_is_left_at_old_prices(world: World) -> None:
    world.booking.book(some_calls(200))
    stopping, failures = threading.Event(), list[BaseException]()

    def ingest() -> None:
        booking = Booking(world.database_url, PriceBooks(stored_prices(world.database_url)))
        number = 1000
        try:
            while not stopping.is_set():
                booking.book([call(number + k, NOW - timedelta(minutes=number % 600)) for k in range(5)])
                number += 5
        except BaseException as error:
            failures.append(error)
        finally:
            booking.close()

    thread = threading.Thread(target=ingest)
    thread.start()
    try:
        time.sleep(0.2)
        world.board.change("gpt-5-mini", input="0.5", output="4")
        run = world.rerate()
    finally:
        stopping.set()
        thread.join()
    assert not failures
    assert run.calls_touched >= 200
    assert assert_books_balance(world.database_url) > 200
    with psycopg.connect(world.database_url) as connection:
        assert connection.execute("SELECT DISTINCT cost_usd FROM call").fetchall() == [(Decimal("0.0009"),)]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.integers(1, 12), st.sampled_from(["gpt-5-mini", "gpt-4.1", "our-own"])),
        st.tuples(st.just("price"), st.sampled_from(["gpt-5-mini", "gpt-4.1", "our-own"]), st.integers(0, 40)),
        st.tuples(st.just("rerate"), st.sampled_from(["", "feature:search", "model:gpt-4.1"])),
        st.tuples(st.just("undo")),
    ),
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS)
def test_rollups_equal_a_recount_after_any_sequence(database_url: str, steps: list[tuple[Any, ...]]) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("call", "call_key", "rollup_minute", "rollup_quarter_hour", "rerate_run", "rerate_change", "rerate_group"):
            connection.execute(f"TRUNCATE {table}")
        connection.execute("UPDATE price_rate SET superseded_at = now() WHERE project_id = 1 AND superseded_at IS NULL")
        connection.execute("UPDATE project_writer SET price_version = price_version + 1 WHERE project_id = 1")
    world = World(database_url)
    applied: list[tuple[int, dict[str, Any]]] = []
    number = 0
    try:
        for step in steps:
            if step[0] == "book":
                numbers = range(number, number + step[1])
                world.booking.book([call(k, NOW - timedelta(hours=k % 50), ("search", None)[k % 2], step[2]) for k in numbers])
                number += step[1]
                applied.clear()  # what is booked since is no part of what an undo gives back
            elif step[0] == "price":
                world.board.change(step[1], input=str(Decimal(step[2]) / 8), output="1")
            elif step[0] == "rerate":
                before = books_of(database_url)
                run = world.rerate(step[1])
                once = books_of(database_url)
                assert world.rerate(step[1]).calls_touched == 0
                assert books_of(database_url) == once
                applied.append((run.rerate_id, before))
            elif applied:
                rerate_id, before = applied.pop()
                world.undo(rerate_id)
                assert books_of(database_url) == before
            assert_books_balance(database_url)
    finally:
        world.booking.close()


BUDGET = {"name": "shop", "period": "month", "amount_usd": "0.001", "thresholds": ["1"]}


def _wait(collector: RunningCollector, rerate_id: int, state: str) -> Any:
    deadline = time.monotonic() + 20
    while (run := collector.get(f"/api/v1/rerates/{rerate_id}"))["state"] != state:
        assert run["error"] is None, run
        assert time.monotonic() < deadline, run
        time.sleep(0.02)
    return run


def test_a_correction_causes_a_breach_and_its_undoing_removes_it_and_both_are_said(collector: RunningCollector) -> None:
    budget = collector.post_json("/api/v1/budgets", BUDGET).json["id"]
    collector.post_protobuf("/v1/traces", traces(2))
    assert collector.get("/api/v1/alerts")["rows"] == []
    form = {"provider": "openai", "model": "gpt-5-mini", "rates": DEAR, "source": "a correction"}
    assert collector.post_json("/api/v1/prices", form).status == 201
    asked = {
        "from": (NOW - timedelta(days=1)).isoformat(),
        "to": (NOW + timedelta(days=1)).isoformat(),
        "reason": "wrong price",
        "by": "me",
    }
    opened = collector.post_json("/api/v1/rerates", asked)
    assert opened.status == 201, opened.body
    number = opened.json["id"]
    preview = _wait(collector, number, "previewed")
    assert (preview["before_usd"], preview["after_usd"]) == ("0.00047", "0.047")
    assert [(group["feature"], group["touched"]) for group in preview["groups"]] == [(None, 2)]
    assert collector.post_json(f"/api/v1/rerates/{number}/apply", {}).status == 202
    _wait(collector, number, "applied")
    [alert] = collector.get("/api/v1/alerts")["rows"]
    assert alert["state"] == "breached"
    assert f"after prices were corrected (re-rating {number})" in alert["reason"]
    standing = f"/api/v1/budgets/{budget}/standings"
    assert collector.get(standing)["rows"][0]["spent_usd"] == "0.047"
    assert collector.post_json(f"/api/v1/rerates/{number}/undo", {"by": "me"}).status == 202
    _wait(collector, number, "undone")
    assert collector.get(standing)["rows"][0]["spent_usd"] == "0.00047"
    newest = collector.get("/api/v1/alerts")["rows"][0]
    assert newest["state"] == "recovered", newest
    assert f"re-rating {number}" in newest["reason"]
    assert [run["id"] for run in collector.get("/api/v1/rerates")["rows"]] == [number]
    assert_books_balance(collector.database_url)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"from": "2026-11-01T00:00:00", "to": "2026-11-02T00:00:00Z"}, "has no offset"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "is not after"),
        ({"from": "2020-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "beyond the 400 days"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-03T00:00:00Z", "filter": "colour:red"}, "colour"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-03T00:00:00Z", "colour": 1}, "colour"),
    ],
)
def test_what_cannot_be_re_rated_is_refused_by_name(collector: RunningCollector, body: dict[str, Any], error: str) -> None:
    answer = collector.post_json("/api/v1/rerates", body)
    assert answer.status == 422
    assert error in answer.json["error"]["message"]


def test_what_is_not_there_is_not_found(collector: RunningCollector) -> None:
    assert collector.request("GET", "/api/v1/rerates/77").status == 404
    assert collector.post_json("/api/v1/rerates/77/apply", {}).status == 404
    assert collector.request("GET", "/api/v1/rerates/77?group_by=colour").status == 422


def costspan(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "costspan_collector", "rerate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_previews_applies_and_undoes(world: World) -> None:
    world.booking.book(some_calls(4))
    before = books_of(world.database_url)
    world.board.change("gpt-5-mini", input="0.5", output="4")
    where = ("--database-url", world.database_url)
    start = ("--from", f"{NOW - timedelta(days=2):%Y-%m-%d}")
    preview = costspan(*start, "--feature", "search", *where)
    assert preview.returncode == 0, preview.stderr
    assert "would change 2 of 2 calls: $0.0009 before, $0.0018 after" in preview.stdout
    assert "--apply" in preview.stdout
    applied = costspan(*start, "--apply", "--json", "--reason", "wrong price", *where)
    run = json.loads(applied.stdout)
    assert (run["state"], run["calls_touched"], run["reason"]) == ("applied", 4, "wrong price")
    assert costspan("--undo", str(run["id"]), *where).returncode == 0
    assert books_of(world.database_url) == before
    assert costspan("--undo", str(run["id"]), *where).returncode == 2
    assert costspan(*where).returncode == 2
