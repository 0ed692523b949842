"""Causes of differences between booked and billed: a table of cases, and that amounts add up to the last digit."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan import money
from costspan_collector.analyse.causes import explained
from costspan_collector.analyse.factors import constant_factors
from costspan_collector.analyse.reconcile import Billed, Booked, Key, Row, day_totals, joined

DAY = date(2026, 11, 10)
LAST = {"openai": date(2026, 11, 20)}
D = Decimal


def booked(usd: str, **more: Any) -> Booked:
    return Booked(D(usd), **{"calls": 10, "tokens": 1000, **more})


def billed(usd: str, **more: Any) -> Billed:
    return Billed(D(usd), **{"lines": 1, "decimals": 6, **more})


def row_of(ours: Booked, theirs: Billed, day: date = DAY) -> Row:
    key: Key = (day, "openai", "gpt-5-mini")
    (row,) = explained(joined({key: ours}, {key: theirs}), LAST)
    assert money.total(cause.amount_usd or D(0) for cause in row.causes) == row.difference_usd
    return row


@pytest.mark.parametrize(
    ("ours", "theirs", "causes"),
    [
        (booked("1"), billed("1"), []),
        (booked("1.004"), billed("1.00", decimals=2), ["rounding"]),
        (Booked(), billed("3"), ["calls not seen"]),
        (Booked(), billed("3", is_known_model=False), ["unmatched SKU"]),
        (Booked(), billed("3", days=30), ["longer period"]),
        (booked("1"), Billed(), ["not billed"]),
        (booked("1", unpriced_calls=2), billed("2"), ["unpriced calls"]),
        (booked("1", partial_calls=2), billed("2"), ["partial prices"]),
        (booked("1", estimated_calls=2), billed("2"), ["estimated calls"]),
        (booked("2", unpriced_calls=2), billed("1"), ["unexplained"]),
        (booked("1"), billed("2", tokens=D(2000)), ["calls not seen"]),
        (booked("2", tokens=2000), billed("1", tokens=D(1000)), ["tokens not billed"]),
        (booked("1"), billed("0.825", tokens=D(1001)), ["price difference"]),
        (booked("1"), billed("0.825", list_usd=D("1.001")), ["price difference"]),
        (booked("1"), billed("1", other_usd={"tax": D("0.2"), "credit": D("-0.5")}), ["credit", "tax"]),
        (booked("1", estimated_calls=1), billed("0.825", tokens=D(1001)), ["price difference", "estimated calls"]),
        (booked("1"), billed("2"), ["unexplained"]),
    ],
)
def test_the_most_likely_cause_stands_first(ours: Booked, theirs: Billed, causes: list[str]) -> None:
    assert [cause.cause for cause in row_of(ours, theirs).causes] == causes


def test_tokens_that_were_not_seen_take_their_part_and_say_how_many() -> None:
    row = row_of(booked("1", tokens=1000), billed("3", tokens=D(1500)))
    assert [(c.cause, c.amount_usd) for c in row.causes] == [("calls not seen", D(1)), ("unexplained", D(1))]
    assert "1500 tokens billed, 1000 booked: 500 more" in row.causes[0].detail


def test_what_the_bill_does_not_reach_is_late() -> None:
    late = row_of(booked("1"), Billed(), date(2026, 11, 21)).causes[0]
    assert (late.cause, late.detail, late.amount_usd) == ("late billing", "the imported bills end on 2026-11-20", D(-1))
    assert row_of(booked("1"), billed("0.5"), date(2026, 11, 20)).causes[0].cause == "late billing"
    assert row_of(booked("1"), billed("0.5"), date(2026, 11, 18)).causes[0].cause == "unexplained"


def days(*pairs: tuple[str, str]) -> list[Row]:
    keys: list[Key] = [(DAY + timedelta(days=index), "openai", "gpt-5-mini") for index in range(len(pairs))]
    ours = {key: booked(pair[0]) for key, pair in zip(keys, pairs, strict=True)}
    theirs = {key: billed(pair[1]) for key, pair in zip(keys, pairs, strict=True)}
    return explained(joined(ours, theirs), LAST)


def test_the_same_factor_on_every_day_suggests_a_contract() -> None:
    rows = days(("1", "0.825"), ("2", "1.65"), ("10", "8.25"))
    assert [row.causes[0].detail for row in rows] == ["billed is 0.825 x booked on every day: a contract, or a wrong price"] * 3
    assert days(("1", "0.825"), ("2", "1.65"), ("10", "9"))[0].causes[0].cause == "unexplained"
    assert constant_factors([("p", "m", D(1), D("0.825"))] * 2) == {}


def test_a_gap_that_comes_back_on_the_next_day_is_the_boundary_of_days() -> None:
    rows = days(("10", "8"), ("10", "12"), ("10", "10"))
    assert [[cause.cause for cause in row.causes] for row in rows] == [["day boundary"], ["day boundary"], []]
    assert rows[0].causes[0].detail.startswith("the day after differs as much the other way")


AMOUNTS = st.decimals(-1000, 1000, places=18)
COUNTS = st.integers(0, 5)
BOOKED = st.builds(Booked, AMOUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 2000))
BILLED = st.builds(
    Billed,
    AMOUNTS,
    st.dictionaries(st.sampled_from(["tax", "credit", "adjustment", "purchase"]), AMOUNTS),
    COUNTS,
    st.none() | st.decimals(0, 2000, places=2),
    st.none() | AMOUNTS,
    st.integers(0, 18),
    st.integers(1, 31),
    st.booleans(),
)
KEYS = st.tuples(st.dates(DAY, DAY + timedelta(days=12)), st.sampled_from(["openai", "aws"]), st.sampled_from(["a", "b"]))


@given(st.dictionaries(KEYS, BOOKED), st.dictionaries(KEYS, BILLED))
def test_booked_plus_differences_is_billed_to_the_last_digit(ours: dict[Key, Booked], theirs: dict[Key, Billed]) -> None:
    rows = explained(joined(ours, theirs), LAST)
    assert len(rows) == len({*ours, *theirs})
    for row in rows:
        assert money.CONTEXT.add(row.booked.usd, row.difference_usd) == row.billed.usd
        assert money.total(cause.amount_usd or D(0) for cause in row.causes) == row.difference_usd
    totals = day_totals(rows)
    assert money.total(total.billed_usd for total in totals) == money.total(each.usd for each in theirs.values())
    assert money.total(total.booked_usd for total in totals) == money.total(each.usd for each in ours.values())


@given(BILLED, BILLED)
def test_bills_add_up(one: Billed, other: Billed) -> None:
    assert (one + other).usd == money.CONTEXT.add(one.usd, other.usd)
    assert (one + other).lines == one.lines + other.lines
