"""Booked against billed: nothing is lost, and the cause that was made is the cause that is named."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan_collector.analyse.charges import likely_cause
from costspan_collector.analyse.reconcile import Billed, Booked, Row, reconcile

DAY = date(2026, 11, 1)
LAST = {"openai": DAY + timedelta(days=30)}


def rows_of(booked: dict[int, Booked], billed: dict[int, Billed], last: dict[str, date] = LAST) -> list[Row]:
    """Rows of one model by day number."""
    return reconcile(
        {(DAY + timedelta(days=day), "openai", "m"): found for day, found in booked.items()},
        {(DAY + timedelta(days=day), "openai", "m"): found for day, found in billed.items()},
        last,
    )


def causes(booked: dict[int, Booked], billed: dict[int, Billed], day: int = 0, last: dict[str, date] = LAST) -> list[str]:
    [row] = [row for row in rows_of(booked, billed, last) if row.day == DAY + timedelta(days=day)]
    return [cause.cause for cause in row.causes]


def calls(usd: str, **more: int) -> Booked:
    return Booked(Decimal(usd), **{"calls": 10, "tokens": 1000, **more})


def bill(usd: str, **more: Decimal) -> Billed:
    return Billed(Decimal(usd), **more)


amounts = st.decimals(-(10**6), 10**6, places=18)
keys = st.tuples(st.dates(DAY, DAY + timedelta(days=6)), st.sampled_from(["openai", "aws"]), st.sampled_from(["a", "b"]))
booked_maps = st.dictionaries(keys, st.builds(Booked, usd=amounts, calls=st.integers(0, 9), tokens=st.integers(0, 10**9)))
billed_maps = st.dictionaries(keys, st.builds(Billed, usage_usd=amounts, other_usd=amounts, tokens=st.none() | amounts))


@given(booked_maps, billed_maps)
def test_what_is_booked_and_the_gaps_add_up_to_what_is_billed(
    booked: dict[tuple[date, str, str], Booked], billed: dict[tuple[date, str, str], Billed]
) -> None:
    rows = reconcile(booked, billed, LAST)
    assert {(row.day, row.provider, row.model) for row in rows} == {*booked, *billed}
    whole = sum((Fraction(row.booked.usd) + Fraction(row.difference_usd) for row in rows), Fraction(0))
    assert whole == sum((Fraction(each.usage_usd) + Fraction(each.other_usd) for each in billed.values()), Fraction(0))
    for row in rows:
        assert bool(row.causes) >= bool(row.difference_usd)
        if len(row.causes) == 1 and row.causes[0].cause in ("rounding", "unexplained"):
            assert row.causes[0].amount_usd == row.difference_usd


@pytest.mark.parametrize(
    ("booked", "billed", "cause"),
    [
        ({}, {0: bill("5")}, "calls not seen"),
        ({0: calls("5")}, {}, "not billed"),
        ({0: calls("5")}, {0: bill("5.004")}, "rounding"),
        ({0: calls("5", unpriced_calls=3)}, {0: bill("8")}, "unpriced calls"),
        ({0: calls("5", partial_calls=3)}, {0: bill("8")}, "partial prices"),
        ({0: calls("5", estimated_calls=3)}, {0: bill("4")}, "assumed prices"),
        ({0: calls("5")}, {0: bill("8")}, "unexplained"),
        ({0: calls("5")}, {0: bill("5", other_usd=Decimal(-1))}, "adjustments"),
        ({0: calls("5")}, {0: bill("8", tokens=Decimal(1000))}, "price difference"),
        ({0: calls("5")}, {0: bill("8", tokens=Decimal(1600))}, "calls not seen"),
        ({0: calls("5"), 1: calls("5")}, {0: bill("3"), 1: bill("7")}, "day boundary"),
        ({day: calls("4") for day in range(4)}, {day: bill("3.3") for day in range(4)}, "price difference"),
    ],
)
def test_the_likely_cause_comes_first(booked: dict[int, Booked], billed: dict[int, Billed], cause: str) -> None:
    assert causes(booked, billed)[0] == cause


def test_equal_figures_have_no_cause() -> None:
    assert causes({0: calls("5")}, {0: bill("5")}) == []


def test_a_contract_s_factor_is_told() -> None:
    rows = rows_of(
        {day: calls(str(day + 1)) for day in range(5)}, {day: Billed(Decimal(day + 1) * Decimal("0.825")) for day in range(5)}
    )
    assert {row.causes[0].detail.split(" ×")[0] for row in rows} == {"billed is 0.825"}
    assert [row.causes[0].amount_usd for row in rows] == [row.difference_usd for row in rows]


def test_the_last_days_of_an_export_may_still_grow() -> None:
    assert causes({0: calls("5")}, {0: bill("3")}, last={"openai": DAY})[0] == "late billing"
    assert causes({1: calls("5")}, {}, day=1, last={"openai": DAY})[0] == "not billed"


@pytest.mark.parametrize(
    ("smallest", "largest", "who", "words"),
    [
        ("0.825", "0.825", "provider", "always 0.825 × ours: a contract"),
        ("2", "2.0001", "emitter", "the emitter's price is another"),
        ("1.1", "3", "emitter", "may bill cached tokens in full"),
        ("0.2", "0.9", "emitter", "may not know a meter"),
        ("0.5", "2", "provider", "by no constant factor"),
        (None, None, "provider", "ours is nothing"),
    ],
)
def test_a_figure_of_others_has_a_likely_cause(smallest: str | None, largest: str | None, who: str, words: str) -> None:
    ratios = [None if ratio is None else Decimal(ratio) for ratio in (smallest, largest)]
    assert words in likely_cause(ratios[0], ratios[1], who)
