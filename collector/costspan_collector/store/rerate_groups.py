"""What a re-rating moves, by month and any dimensions."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from costspan_collector.store.database import Connection


def groups_of(connection: Connection, project_id: int, rerate_id: int, group_by: Sequence[str]) -> list[dict[str, Any]]:
    """Sums over the re-rating's groups by ``month`` (a date, UTC) and dimensions, what moves most first."""
    keys = [sql.SQL("g.month") if name == "month" else sql.SQL("s.{}").format(sql.Identifier(name)) for name in group_by]
    query = sql.SQL(
        "SELECT {keys} sum(g.calls)::bigint AS calls, sum(g.touched)::bigint AS touched, "
        "sum(g.before_usd) AS before_usd, sum(g.after_usd) AS after_usd "
        "FROM rerate_group g JOIN series s ON s.project_id = g.project_id AND s.series_id = g.series_id "
        "WHERE g.project_id = %s AND g.rerate_id = %s {group} "
        "ORDER BY abs(sum(g.after_usd) - sum(g.before_usd)) DESC, {order}"
    ).format(
        keys=sql.SQL("").join(
            sql.SQL("{} AS {}, ").format(key, sql.Identifier(name)) for key, name in zip(keys, group_by, strict=True)
        ),
        group=sql.SQL("GROUP BY {}").format(sql.SQL(", ").join(keys)) if keys else sql.SQL(""),
        order=sql.SQL(", ").join([*(sql.SQL("{} NULLS LAST").format(key) for key in keys), sql.SQL("1")]),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (project_id, rerate_id)).fetchall()
