"""Self-hosted models in the books: the standard price at once, then the hour's real bill, idle as its own line; and back."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from costspan_collector.call import Dimensions
from costspan_collector.prices.current import PriceBooks, stored_prices
from costspan_collector.prices.rerate import Request, Rerater
from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.pricing import PROJECT, Booking, books_of, call

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
CARD = {
    "provider": "vllm",
    "model": "our-*",
    "gpu": "H100",
    "gpus": 4,
    "usd_per_gpu_hour": "2.49",
    "tokens_per_s": "3400",
    "utilisation": "0.6",
}


def book(collector: RunningCollector, count: int, first: int = 1) -> None:
    booking = Booking(collector.database_url, PriceBooks(stored_prices(collector.database_url)))
    dimensions = Dimensions(service="shop", feature="search", provider="vllm", model="our-llama", operation="chat")
    calls = [
        call(n, HOUR + timedelta(seconds=n), model="our-llama", dimensions=dimensions, usage={"input": 100 * n, "output": 7 * n})
        for n in range(first, first + count)
    ]
    booking.book(calls)
    booking.close()


def bill(collector: RunningCollector, usd: str, status: int = 200) -> Any:
    form = {"source": "the cloud's bill", "hours": [{"hour": HOUR.isoformat(), "usd": usd}]}
    answer = collector.post_json("/api/v1/self-hosted/bills", form)
    assert answer.status == status, answer.body
    return answer.json


def cost_of_calls(collector: RunningCollector) -> Decimal:
    [(total,)] = collector.sql("SELECT sum(cost_usd) FROM call")
    return Decimal(total)


def test_a_call_has_the_standard_price_at_once(collector: RunningCollector) -> None:
    assert collector.post_json("/api/v1/self-hosted/cards", CARD).status == 201
    book(collector, 1)
    # 4 x 2.49 dollars an hour for 3,400 x 3,600 x 0.6 written tokens, each of which counts for four that are read
    per_hour = 3400 * 3600 * Decimal("0.6")
    expected = (Decimal("9.96") * 7 / per_hour + Decimal("9.96") * 100 / (per_hour * 4)).quantize(Decimal("1e-18"))
    [row] = collector.get("/api/v1/calls")["rows"]
    assert abs(Decimal(row["cost_usd"]) - expected) <= Decimal("2e-18")
    assert row["cost_state"] == "estimated"
    assert "assumed, not measured: 3400 tokens/s and a utilisation of 0.6" in row["cost_reason"]
    [card] = collector.get("/api/v1/self-hosted/cards")["rows"]
    assert (card["usd_per_gpu_hour"], card["measured"]) == ("2.49", [])


def test_an_hour_s_bill_replaces_it_exactly_and_again_changes_nothing(collector: RunningCollector) -> None:
    collector.post_json("/api/v1/self-hosted/cards", CARD)
    book(collector, 40)
    standard = books_of(collector.database_url)
    standard_usd = cost_of_calls(collector)
    done = bill(collector, "9.96")["rows"][0]
    assert (done["calls"], done["changed_calls"]) == (40, 40)
    [hour] = collector.get("/api/v1/self-hosted/hours")["rows"]
    assert cost_of_calls(collector) + Decimal(hour["idle_usd"]) == Decimal(hour["billed_usd"]) == Decimal("9.96")
    assert Decimal(hour["standard_usd"]) == standard_usd
    assert_books_balance(collector.database_url)
    shared = books_of(collector.database_url)
    assert bill(collector, "9.96")["rows"][0]["changed_calls"] == 0
    assert books_of(collector.database_url) == shared
    row = collector.get("/api/v1/calls?limit=1")["rows"][0]
    assert row["price"]["rule"] == "a share of the hour's bill"

    bill(collector, "19.92")
    assert cost_of_calls(collector) + Decimal(collector.get("/api/v1/self-hosted/hours")["rows"][0]["idle_usd"]) == Decimal(
        "19.92"
    )
    assert_books_balance(collector.database_url)

    taken = collector.request("DELETE", f"/api/v1/self-hosted/bills/{HOUR:%Y-%m-%dT%H:%M:%SZ}")
    assert taken.json == {"restored_calls": 40}
    assert books_of(collector.database_url) == standard
    assert collector.get("/api/v1/self-hosted/hours")["rows"] == []


def test_calls_that_come_late_get_their_share(collector: RunningCollector) -> None:
    collector.post_json("/api/v1/self-hosted/cards", CARD)
    book(collector, 10)
    bill(collector, "5")
    book(collector, 5, first=11)
    assert bill(collector, "5")["rows"][0]["calls"] == 15
    [hour] = collector.get("/api/v1/self-hosted/hours")["rows"]
    assert cost_of_calls(collector) + Decimal(hour["idle_usd"]) == 5
    assert_books_balance(collector.database_url)


def test_more_work_than_the_card_says_leaves_nothing_idle(collector: RunningCollector) -> None:
    collector.post_json("/api/v1/self-hosted/cards", {**CARD, "tokens_per_s": "0.001"})
    book(collector, 10)
    bill(collector, "5")
    [hour] = collector.get("/api/v1/self-hosted/hours")["rows"]
    assert Decimal(hour["idle_usd"]) == 0
    assert Decimal(hour["utilisation"]) > 1
    assert cost_of_calls(collector) == 5


def test_a_re_rating_leaves_shares_of_a_bill_alone(collector: RunningCollector) -> None:
    collector.post_json("/api/v1/self-hosted/cards", CARD)
    book(collector, 10)
    bill(collector, "5")
    before = books_of(collector.database_url)
    collector.post_json("/api/v1/self-hosted/cards", {**CARD, "usd_per_gpu_hour": "9"})
    rerater = Rerater(collector.database_url, PROJECT, PriceBooks(stored_prices(collector.database_url)), 400)
    run = rerater.open(Request(HOUR - timedelta(days=1), HOUR + timedelta(days=1)), to_apply=True)
    assert rerater.apply(run.rerate_id).calls_touched == 0
    assert books_of(collector.database_url) == before


def test_undoing_a_re_rating_leaves_a_share_that_came_since_alone(collector: RunningCollector) -> None:
    collector.post_json("/api/v1/self-hosted/cards", CARD)
    book(collector, 10)
    at_first = books_of(collector.database_url)
    collector.post_json("/api/v1/self-hosted/cards", {**CARD, "usd_per_gpu_hour": "9"})
    rerater = Rerater(collector.database_url, PROJECT, PriceBooks(stored_prices(collector.database_url)), 400, page_calls=4)
    run = rerater.open(Request(HOUR - timedelta(days=1), HOUR + timedelta(days=1)), to_apply=True)
    assert rerater.apply(run.rerate_id).calls_touched == 10
    bill(collector, "5")
    shared = books_of(collector.database_url)
    assert rerater.undo(run.rerate_id, "me").calls_restored == 0
    assert books_of(collector.database_url) == shared
    [hour] = collector.get("/api/v1/self-hosted/hours")["rows"]
    assert cost_of_calls(collector) == Decimal(hour["busy_usd"])

    collector.request("DELETE", f"/api/v1/self-hosted/bills/{HOUR:%Y-%m-%dT%H:%M:%SZ}")
    assert books_of(collector.database_url) == at_first


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"gpus": 0}, "gpus"),
        ({"provider": "litellm"}, "provider: 'litellm' is a router"),
        ({"utilisation": "1.5"}, "utilisation: 1.5 is not allowed"),
        ({"tokens_per_s": "0"}, "tokens_per_s: 0 is not allowed"),
        ({"weights": {"colour": "1"}}, "weights: 'colour'"),
        ({"model": "a*b"}, "has a * that is not at its end"),
        ({"from": "2026-11-01T00:30:00Z"}, "is no whole hour"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_card_that_cannot_be_is_refused_by_name(collector: RunningCollector, change: dict[str, Any], error: str) -> None:
    answer = collector.post_json("/api/v1/self-hosted/cards", {**CARD, **change})
    assert answer.status == 422
    assert error in answer.json["error"]["message"]


def test_a_bill_without_a_card_is_refused(collector: RunningCollector) -> None:
    assert "there are: none yet" in bill(collector, "1", status=422)["error"]["message"]


def test_the_command_line_does_the_same(collector: RunningCollector, tmp_path: Path) -> None:
    def costspan(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "costspan_collector",
            "self-hosted",
            *arguments,
            "--database-url",
            collector.database_url,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    figures = ("--usd-per-gpu-hour", "2.49", "--tokens-per-s", "3400", "--utilisation", "0.6", "--gpus", "4", "--measured")
    added = costspan("card", "add", "--provider", "vllm", "--model", "our-*", *figures)
    assert added.returncode == 0, added.stderr
    book(collector, 5)
    [(state,)] = collector.sql("SELECT DISTINCT cost_state FROM call")
    assert state == "priced"
    path = tmp_path / "bill.csv"
    path.write_text(f"hour,usd\n{HOUR.isoformat()},9.96\n")
    done = costspan("bill", str(path), "--source", "the cloud's bill")
    assert done.returncode == 0, done.stderr
    assert "5 of 5 calls changed" in done.stdout
    [row] = json.loads(costspan("hours", "--json").stdout)
    assert (row["billed_usd"], row["calls"]) == ("9.96", 5)
    path.write_text("hour,usd\nsoon,1\n")
    assert costspan("bill", str(path), "--source", "x").returncode == 2
    with psycopg.connect(collector.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM gpu_bill WHERE superseded_at IS NULL").fetchone() == (1,)
