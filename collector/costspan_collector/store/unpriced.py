"""The work-list of what could not be priced, from the rollups; a few raw calls say why."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from costspan_collector.store.database import Connection

_GROUPS = """
SELECT s.provider, s.model, s.operation,
    sum(r.unpriced_calls)::bigint AS unpriced_calls,
    sum(r.partial_calls)::bigint AS partial_calls,
    sum(r.estimated_calls)::bigint AS estimated_calls,
    sum(r.calls)::bigint AS calls,
    sum(r.input_tokens + r.output_tokens)::bigint AS tokens,
    min(r.bucket) AS first_seen,
    max(r.bucket) AS last_seen,
    (array_agg(DISTINCT s.feature) FILTER (WHERE s.feature IS NOT NULL))[1:10] AS features,
    (array_agg(r.series_id ORDER BY r.bucket DESC))[1:5] AS series_ids
FROM rollup_quarter_hour r
JOIN series s ON s.project_id = r.project_id AND s.series_id = r.series_id
WHERE r.project_id = %(project_id)s AND r.bucket >= %(start)s AND r.bucket < %(end)s
    AND r.unpriced_calls + r.partial_calls + r.estimated_calls > 0
GROUP BY 1, 2, 3
ORDER BY sum(r.input_tokens + r.output_tokens) * sum(r.unpriced_calls) / sum(r.calls) DESC,
    sum(r.unpriced_calls + r.partial_calls + r.estimated_calls) DESC, 1, 2, 3
LIMIT %(limit)s
"""
_REASONS = """
SELECT cost_state, cost_reason, request_model, coalesce(response_model, request_model) AS response_model, count(*) AS calls
FROM (
    SELECT cost_state, cost_reason, request_model, response_model FROM call
    WHERE project_id = %(project_id)s AND start_time >= %(start)s AND start_time < %(end)s
        AND series_id = ANY(%(series_ids)s) AND cost_state IN ('unpriced', 'partial', 'estimated')
    LIMIT 200
) AS sampled
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC
"""
_RATE = """
SELECT sum(cost_usd) / nullif(sum(input_tokens + output_tokens), 0) AS usd_per_token
FROM rollup_quarter_hour
WHERE project_id = %(project_id)s AND bucket >= %(start)s AND bucket < %(end)s
    AND priced_calls = calls AND input_tokens + output_tokens > 0
"""


def unpriced_groups(connection: Connection, project_id: int, start: datetime, end: datetime, limit: int) -> list[dict[str, Any]]:
    """Groups by provider, model and operation that hold unpriced, partial or estimated calls, with sums over their buckets.

    At most ``limit``, those with the most tokens in unpriced calls first.
    """
    values = {"project_id": project_id, "start": start, "end": end, "limit": limit}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_GROUPS, values).fetchall()


def reasons_of(connection: Connection, project_id: int, series_ids: Sequence[int], last_seen: datetime) -> list[dict[str, Any]]:
    """Why the newest calls of the series have no whole price, and the names that they carry; from at most 200 of them."""
    values = {
        "project_id": project_id,
        "series_ids": list(series_ids),
        "start": last_seen,
        "end": last_seen + timedelta(minutes=15),
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_REASONS, values).fetchall()


def usual_usd_per_token(connection: Connection, project_id: int, start: datetime, end: datetime) -> Any:
    """What the project pays a token where all is priced (Decimal), or None if nothing is."""
    row: Any = connection.execute(_RATE, {"project_id": project_id, "start": start, "end": end}).fetchone()
    return row[0]
