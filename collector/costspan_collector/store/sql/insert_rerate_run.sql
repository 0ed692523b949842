-- Open a re-rating under the next number of its project. Belongs under the writer lock.
INSERT INTO rerate_run (
    project_id, rerate_id, state, from_time, to_time, filter, reason, created_by, created_at, price_version, calls_in_range
)
SELECT
    %(project_id)s, coalesce(max(rerate_id), 0) + 1, 'previewing', %(start)s, %(end)s, %(filter)s, %(reason)s, %(by)s, now(),
    %(price_version)s, %(calls_in_range)s
FROM rerate_run WHERE project_id = %(project_id)s
RETURNING rerate_id
