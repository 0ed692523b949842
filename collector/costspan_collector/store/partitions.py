"""Partitions by day, made before they are needed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from psycopg import sql

from costspan_collector.store.database import Connection

_EPOCH = date(1970, 1, 1)
# Serialises the making of partitions between collectors.
_LOCK = 0x70617274
_PARTITIONED = ("call", "call_key")


class Partitions:
    """Makes the day partitions of ``call`` and ``call_key`` as calls need them, and remembers which exist."""

    def __init__(self) -> None:
        self._known: set[date] = set()

    def ensure(self, connection: Connection, days: Iterable[date]) -> None:
        """Make what is missing for ``days`` (UTC) and the day after the newest, in a transaction of its own. Safe to repeat."""
        wanted = set(days)
        if wanted:
            wanted.add(max(wanted) + timedelta(days=1))
        missing = sorted(wanted - self._known)
        if not missing:
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            for day in missing:
                for table in _PARTITIONED:
                    _make(connection, table, day)
        self._known.update(missing)


def day_of(time_us: int) -> date:
    """The UTC day of a time in microseconds since the epoch."""
    return _EPOCH + timedelta(days=time_us // 86_400_000_000)


def _make(connection: Connection, table: str, day: date) -> None:
    name = f"{table}_{day:%Y%m%d}"
    found = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
    if found is not None and found[0] is not None:
        return
    # CREATE TABLE, then ATTACH: attaching takes a weaker lock on the parent than CREATE ... PARTITION OF does.
    start, end = _bounds(table, day)
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
            sql.Identifier(name), sql.Identifier(table)
        )
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(table), sql.Identifier(name), sql.Literal(start), sql.Literal(end)
        )
    )


def _bounds(table: str, day: date) -> tuple[str, str]:
    after = day + timedelta(days=1)
    if table == "call_key":
        return day.isoformat(), after.isoformat()
    return tuple(datetime(d.year, d.month, d.day, tzinfo=UTC).isoformat() for d in (day, after))  # type: ignore[return-value]
