-- Move labels given by response id under the key of the call's span, the newer of two winning. Safe to repeat.
WITH moved AS (
    DELETE FROM label
    WHERE project_id = %(project_id)s AND key = %(key)s
    RETURNING name, judge, observed_at, value, category
)
INSERT INTO label (project_id, key, name, judge, observed_at, value, category, call_start_time)
SELECT %(project_id)s, %(span_key)s, name, judge, observed_at, value, category, %(start_time)s
FROM moved
ON CONFLICT (project_id, key, name, judge) DO UPDATE
SET observed_at = EXCLUDED.observed_at, value = EXCLUDED.value, category = EXCLUDED.category,
    call_start_time = EXCLUDED.call_start_time
WHERE label.observed_at <= EXCLUDED.observed_at
