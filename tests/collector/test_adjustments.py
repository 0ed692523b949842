"""What is agreed by the month: lines of their own, computed from the books, that touch no call."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan_collector.analyse.adjustments import Adjustment, Kind, line_of
from tests.support.collector import RunningCollector
from tests.support.otlp import CHAT_COST, traces

MONTH = f"{datetime.now(UTC):%Y-%m}"
QUOTA = {"meter": "web_search", "quantity": "5000", "price": "14"}


def rule(kind: Kind, **terms: str) -> Adjustment:
    return Adjustment(uuid4(), kind, kind, "", terms, "the agreement")


dollars = st.decimals(0, 10**6, places=18)


@given(dollars, st.integers(0, 20_000))
def test_a_free_quota_gives_back_what_was_used_of_it_and_no_more(spent: Decimal, used: int) -> None:
    line = line_of(rule("free_quota", **QUOTA), date(2026, 11, 1), spent, Decimal(used))
    assert Fraction(line.amount_usd) == -Fraction(min(used, 5000)) * 14 / 1000


@given(dollars, dollars)
def test_a_commitment_is_met_by_spend_or_filled_up(spent: Decimal, committed: Decimal) -> None:
    line = line_of(rule("commitment", usd=str(committed)), date(2026, 11, 1), spent, Decimal(0))
    assert Fraction(spent) + Fraction(line.amount_usd) == max(Fraction(spent), Fraction(committed))


@given(dollars, dollars)
def test_a_credit_never_gives_more_than_was_spent(spent: Decimal, credit: Decimal) -> None:
    line = line_of(rule("credit", usd=str(credit)), date(2026, 11, 1), spent, Decimal(0))
    assert Fraction(spent) + Fraction(line.amount_usd) == max(Fraction(spent) - Fraction(credit), 0)


@pytest.mark.parametrize(("spent", "amount"), [("99.99", "0"), ("100", "-5"), ("200", "-10")])
def test_a_discount_begins_with_its_amount(spent: str, amount: str) -> None:
    line = line_of(rule("discount", share="0.05", from_usd="100"), date(2026, 11, 1), Decimal(spent), Decimal(0))
    assert line.amount_usd == Decimal(amount)


def test_a_month_s_bill_is_its_calls_and_its_lines(collector: RunningCollector) -> None:
    searched = {"costspan.usage.web_search": 3, "costspan.customer": "acme"}
    collector.post_protobuf("/v1/traces", traces(2, searched))
    collector.post_protobuf("/v1/traces", traces(1))
    calls_usd = collector.sql("SELECT sum(cost_usd) FROM call")[0][0]
    for form in (
        {"name": "searches", "kind": "free_quota", "filter": "customer:acme", "terms": QUOTA, "source": "price page"},
        {"name": "frame", "kind": "commitment", "terms": {"usd": "10"}, "source": "contract", "first_month": MONTH},
        {"name": "over", "kind": "credit", "terms": {"usd": "10"}, "source": "gone", "last_month": "2020-01"},
    ):
        assert collector.post_json("/api/v1/adjustments", form).status == 201
    found = collector.get(f"/api/v1/adjustments?month={MONTH}")
    assert Decimal(found["calls_usd"]) == calls_usd
    lines = {line["name"]: line for line in found["lines"]}
    assert set(lines) == {"searches", "frame"}
    assert (lines["searches"]["amount_usd"], lines["searches"]["quantity_used"]) == ("-0.084", "6")
    assert Decimal(lines["frame"]["amount_usd"]) == 10 - calls_usd
    assert Decimal(found["expected_usd"]) == 10 - Decimal("0.084")
    assert collector.get("/api/v1/adjustments?month=2020-01")["expected_usd"] == "0"
    [(untouched,)] = collector.sql("SELECT sum(cost_usd) FROM call")
    assert untouched == calls_usd
    assert collector.request("DELETE", f"/api/v1/adjustments/{lines['frame']['id']}").status == 204
    assert [line["name"] for line in collector.get("/api/v1/adjustments")["lines"]] == ["searches"]
    assert collector.request("DELETE", f"/api/v1/adjustments/{lines['frame']['id']}").status == 404


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": "gift"}, "kind: 'gift' is none of"),
        ({"terms": {}}, "terms.usd: is missing for a credit"),
        ({"terms": {"usd": "1", "share": "1"}}, "'share' is no term of a credit"),
        ({"terms": {"usd": 1.5}}, "terms.usd: 1.5 is no decimal text"),
        ({"kind": "discount", "terms": {"share": "5", "from_usd": "0"}}, "terms.share: 5 is no share"),
        ({"kind": "free_quota", "terms": {**QUOTA, "meter": "searches"}}, "'searches' is no meter"),
        ({"filter": "colour:red"}, "filter: "),
        ({"first_month": "November"}, "first_month: 'November' is no month"),
        ({"first_month": "2026-11", "last_month": "2026-10"}, "is before first_month"),
        ({"source": ""}, "source: '' is no text"),
        ({"colour": 1}, "'colour' is no key"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(collector: RunningCollector, change: dict[str, Any], error: str) -> None:
    form = {"name": "n", "kind": "credit", "terms": {"usd": "1"}, "source": "s", **change}
    answer = collector.post_json("/api/v1/adjustments", form)
    assert answer.status == 422
    assert error in answer.json["error"]["message"]


def test_the_command_line_shows_the_month(collector: RunningCollector) -> None:
    collector.post_protobuf("/v1/traces", traces(1))
    form = json.dumps({"name": "frame", "kind": "commitment", "terms": {"usd": "1"}, "source": "contract"})
    command = [sys.executable, "-m", "costspan_collector", "prices", "adjust", "--add", form, "--json"]
    command += ["--database-url", collector.database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert (found["calls_usd"], found["expected_usd"]) == (CHAT_COST, "1")
