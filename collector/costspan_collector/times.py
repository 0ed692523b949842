"""Times: microseconds since the Unix epoch, as books keep them, and aware datetimes in UTC, as people read them."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def at(time_us: int) -> datetime:
    """A time in microseconds since the epoch as an aware datetime in UTC, exactly."""
    return EPOCH + timedelta(microseconds=time_us)


def microseconds(time: datetime) -> int:
    """An aware datetime as microseconds since the epoch, exactly."""
    return (time - EPOCH) // _MICROSECOND
