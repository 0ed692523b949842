"""Budget decisions: periods, standings, crossings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan_collector.book.measures import COST, zeros
from costspan_collector.budgets.budget import Budget, StandingKey, standing_deltas
from costspan_collector.budgets.decide import crossings, standing_state
from costspan_collector.budgets.period import PERIODS, period_bounds
from costspan_collector.call import Dimensions
from costspan_collector.filters import parse

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
                         "America/St_Johns", "Pacific/Apia", "America/Sao_Paulo"])  # fmt: skip
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(st.sampled_from(PERIODS), ZONES, TIMES)
def test_periods_tile_time_on_quarter_hours(period: str, zone: str, at: datetime) -> None:
    start, end = period_bounds(period, zone, at)
    assert start <= at < end
    assert start.timestamp() % 900 == 0 == end.timestamp() % 900
    assert period_bounds(period, zone, start) == (start, end)
    assert period_bounds(period, zone, end)[0] == end
    assert period_bounds(period, zone, end - timedelta(microseconds=1)) == (start, end)


@pytest.mark.parametrize(
    ("period", "zone", "at", "start", "end"),
    [
        (
            "day",
            "Europe/Berlin",
            "2026-03-29T12:00:00+00:00",
            "2026-03-28T23:00:00+00:00",
            "2026-03-29T22:00:00+00:00",
        ),  # 23 hours
        (
            "day",
            "Europe/Berlin",
            "2026-10-25T12:00:00+00:00",
            "2026-10-24T22:00:00+00:00",
            "2026-10-25T23:00:00+00:00",
        ),  # 25 hours
        ("week", "UTC", "2026-11-22T23:59:59+00:00", "2026-11-16T00:00:00+00:00", "2026-11-23T00:00:00+00:00"),
        ("month", "America/Los_Angeles", "2026-12-01T07:59:00+00:00", "2026-11-01T07:00:00+00:00", "2026-12-01T08:00:00+00:00"),
        ("hour", "Asia/Kathmandu", "2026-11-23T10:20:00+00:00", "2026-11-23T10:15:00+00:00", "2026-11-23T11:15:00+00:00"),
    ],
)
def test_periods_by_the_calendar(period: str, zone: str, at: str, start: str, end: str) -> None:
    found = period_bounds(period, zone, datetime.fromisoformat(at))
    assert found == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def _budget(amount: str = "100", thresholds: tuple[str, ...] = ("0.5", "0.8", "1"), **more: object) -> Budget:
    fields: dict[str, object] = {
        "budget_id": UUID(int=1),
        "name": "search budget",
        "filter": parse("feature:search"),
        "filter_text": "feature:search",
        "fan_out": (),
        "period": "day",
        "timezone": "UTC",
        "amount_usd": Decimal(amount),
        "thresholds": tuple(Decimal(t) for t in thresholds),
        "created_at": datetime(2026, 11, 1, tzinfo=UTC),
        **more,
    }
    return Budget(**fields)  # type: ignore[arg-type]


KEY = StandingKey(UUID(int=1), "", datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    ("spent", "alerted", "crossed", "state"),
    [
        ("49.999999999999999999", (), [], "ok"),
        ("50", (), ["0.5"], "warned"),  # reaching is crossing
        ("79", ("0.5",), [], "warned"),  # once per threshold
        ("85", ("0.5",), ["0.8"], "warned"),
        ("250", (), ["0.5", "0.8", "1"], "breached"),  # one batch may cross all
        ("250", ("1",), ["0.5", "0.8"], "breached"),  # decided on state, not on the increment
        ("100", ("0.5", "0.8", "1"), [], "breached"),
    ],
)
def test_crossings(spent: str, alerted: tuple[str, ...], crossed: list[str], state: str) -> None:
    found = crossings(_budget(), KEY, Decimal(spent), {Decimal(t) for t in alerted})
    assert [str(c.threshold) for c in found] == crossed
    assert standing_state(_budget(), Decimal(spent)) == state
    assert [c.state for c in found] == ["breached" if t == "1" else "warned" for t in crossed]


def test_the_reason_is_a_sentence_with_figures() -> None:
    (crossing,) = crossings(_budget(thresholds=("0.8",)), KEY, Decimal("80.10"), ())
    assert crossing.reason == ("search budget: $80.1 spent of $100 in the day from 2026-11-23 (UTC), 80% reached")


def _spend(*entries: tuple[datetime, int, str]) -> dict[tuple[int, int], list[int | Decimal]]:
    deltas = {}
    for at, series, amount in entries:
        measures = zeros()
        measures[COST] = Decimal(amount)
        deltas[int(at.timestamp()) * 1_000_000, series] = measures
    return deltas


SERIES = {
    1: Dimensions(feature="search", customer="acme"),
    2: Dimensions(feature="search", customer='b"c'),
    3: Dimensions(feature="chat"),
}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_spend_is_matched_by_series_and_period() -> None:
    deltas = _spend((NOON, 1, "1.5"), (NOON, 2, "2"), (NOON, 3, "4"), (NOON - timedelta(days=1), 1, "8"))
    found = standing_deltas([_budget()], deltas, SERIES)
    assert {(key.period_start.day, key.scope): amount for key, amount in found.items()} == {
        (23, ""): Decimal("3.5"),
        (22, ""): Decimal(8),
    }


def test_fan_out_gives_each_value_its_own_standing() -> None:
    deltas = _spend((NOON, 1, "1.5"), (NOON, 2, "2"), (NOON, 3, "4"))
    found = standing_deltas([_budget(fan_out=("customer",))], deltas, SERIES)
    scopes = {key.scope: amount for key, amount in found.items()}
    assert scopes == {'customer:"acme"': Decimal("1.5"), r'customer:"b\"c"': Decimal(2)}
    for scope in scopes:  # a scope reads back as a filter of exactly its own series
        assert sum(parse(scope).matches(dimensions) for dimensions in SERIES.values()) == 1


def test_spend_before_the_budget_began_is_left_out() -> None:
    budget = _budget(created_at=NOON)
    deltas = _spend((NOON - timedelta(hours=3), 1, "1"), (NOON - timedelta(days=1), 1, "8"))
    found = standing_deltas([budget], deltas, SERIES)
    assert [(key.period_start.day, amount) for key, amount in found.items()] == [(23, Decimal(1))]
