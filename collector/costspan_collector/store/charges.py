"""What providers and emitters say that calls cost, beside what our prices give."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row

from costspan_collector.store.database import Connection

# Ours is what our prices give: for a call that is booked at the provider's charge, the figure kept beside it.
_DIFFERENCES = """
WITH figures AS (
    SELECT s.provider, s.model, (c.start_time AT TIME ZONE 'UTC')::date AS day, c.trace_id, c.span_id,
        CASE WHEN c.cost_state = 'reported' THEN c.rated_usd ELSE c.cost_usd END AS ours_usd,
        c.charged_usd, c.reported_cost_usd
    FROM call c JOIN series s ON s.project_id = c.project_id AND s.series_id = c.series_id
    WHERE c.project_id = %(project_id)s AND c.start_time >= %(start)s AND c.start_time < %(end)s
        AND (c.charged_usd IS NOT NULL OR c.reported_cost_usd IS NOT NULL)
), sided AS (
    SELECT provider, model, day, trace_id, span_id, ours_usd, 'provider' AS who, charged_usd AS theirs_usd
    FROM figures WHERE charged_usd IS NOT NULL AND ours_usd IS NOT NULL
    UNION ALL
    SELECT provider, model, day, trace_id, span_id, ours_usd, 'emitter', reported_cost_usd
    FROM figures WHERE reported_cost_usd IS NOT NULL AND ours_usd IS NOT NULL
)
SELECT provider, model, day, who, count(*) AS calls, sum(ours_usd) AS ours_usd, sum(theirs_usd) AS theirs_usd,
    count(*) FILTER (WHERE abs(theirs_usd - ours_usd) > greatest(%(least)s, abs(ours_usd) * %(threshold)s)) AS differing_calls,
    (array_agg(encode(trace_id, 'hex') ORDER BY abs(theirs_usd - ours_usd) DESC, trace_id))[1] AS trace_id,
    (array_agg(encode(span_id, 'hex') ORDER BY abs(theirs_usd - ours_usd) DESC, trace_id))[1] AS span_id,
    max(abs(theirs_usd - ours_usd)) AS largest_usd,
    min(theirs_usd / nullif(ours_usd, 0)) AS smallest_ratio, max(theirs_usd / nullif(ours_usd, 0)) AS largest_ratio
FROM sided
GROUP BY provider, model, day, who
HAVING count(*) FILTER (WHERE abs(theirs_usd - ours_usd) > greatest(%(least)s, abs(ours_usd) * %(threshold)s)) > 0
ORDER BY abs(sum(theirs_usd) - sum(ours_usd)) DESC, provider, model, day, who
LIMIT %(limit)s
"""


def charge_differences(
    connection: Connection,
    project_id: int,
    start: datetime,
    end: datetime,
    *,
    threshold: Decimal,
    least_usd: Decimal = Decimal("0.000001"),
    limit: int = 500,
) -> list[dict[str, Any]]:
    """By provider, model, UTC day and who says so, where single calls differ from ours by more than ``threshold`` (a share)."""
    values = {
        "project_id": project_id,
        "start": start,
        "end": end,
        "threshold": threshold,
        "least": least_usd,
        "limit": limit,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_DIFFERENCES, values).fetchall()
