"""The forecast of a period, and when there is none."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from costspan_collector.analyse.forecast import forecast

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)


def _hours(count: int, amount: str, until: datetime) -> list[tuple[datetime, Decimal]]:
    return [(until - timedelta(hours=count - index), Decimal(amount)) for index in range(count)]


def test_an_even_rate_goes_on() -> None:
    now = datetime(2026, 11, 11, tzinfo=UTC)
    result = forecast(_hours(240, "0.5", now), END, now)
    assert result.spent_usd == Decimal(120)
    assert result.forecast_usd == Decimal(360)
    assert result.reason is None


def test_the_last_week_counts_for_what_remains() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    early = [(START, Decimal(1000))]
    result = forecast(early + _hours(168, "1", now), END, now)
    assert result.forecast_usd == Decimal(1000 + 168 + 240)


def test_too_little_is_said_to_be_too_little() -> None:
    now = datetime(2026, 11, 11, tzinfo=UTC)
    for hours in ([], _hours(23, "9", now)):
        result = forecast(hours, END, now)
        assert result.forecast_usd is None
        assert result.reason is not None
        assert result.reason.startswith("too little data: ")
