-- The first re-rating that was begun after another one, stands, and changed one of the same calls.
SELECT run.rerate_id
FROM rerate_run AS run
WHERE run.project_id = %(project_id)s AND run.started_at > %(started_at)s AND run.state IN ('applying', 'applied', 'undoing')
    AND run.from_time < %(end)s AND run.to_time > %(start)s
    AND EXISTS (
        SELECT FROM rerate_change AS later
        JOIN rerate_change AS earlier USING (project_id, start_time, trace_id, span_id)
        WHERE later.project_id = %(project_id)s AND later.rerate_id = run.rerate_id AND earlier.rerate_id = %(rerate_id)s
    )
ORDER BY run.started_at
LIMIT 1
