"""Whether the books balance: the rollups beside a recount from raw calls."""

from costspan_collector.store.database import Connection

_STATES = ("priced", "partial", "unpriced", "estimated", "reported", "free")
_COUNTED = """
SELECT date_bin(%s, start_time, timestamptz 'epoch') AS bucket, series_id, count(*) AS calls,
    sum(coalesce(cost_usd, 0)) AS cost_usd, {states}
FROM call GROUP BY 1, 2
"""
_ROLLED = "SELECT bucket, series_id, calls, cost_usd, {states} FROM {table}"


def differences(connection: Connection) -> int:
    """How many rows of the rollups of both grains are not what a recount gives, to the last digit."""
    counted = _COUNTED.format(states=", ".join(f"count(*) FILTER (WHERE cost_state = '{state}')" for state in _STATES))
    found = 0
    connection.execute("SET statement_timeout = 0")
    for table, grain in (("rollup_minute", "1 minute"), ("rollup_quarter_hour", "15 minutes")):
        rolled = _ROLLED.format(states=", ".join(f"{state}_calls" for state in _STATES), table=table)
        query = (
            f"WITH counted AS ({counted}), rolled AS ({rolled}) SELECT count(*) FROM ("  # noqa: S608 - of our own words
            "(SELECT * FROM counted EXCEPT SELECT * FROM rolled) UNION ALL "
            "(SELECT * FROM rolled EXCEPT SELECT * FROM counted)) AS d"
        )
        row = connection.execute(query.encode(), (grain,)).fetchone()
        assert row is not None
        found += row[0]
    return found
