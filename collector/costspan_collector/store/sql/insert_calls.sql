-- Book the staged calls whose trace and span are new, with their keys, and return the keys of those. Safe to repeat.
WITH new_key AS (
    INSERT INTO call_key (project_id, day, key, start_time)
    SELECT %(project_id)s, (start_time AT TIME ZONE 'UTC')::date, span_key, start_time
    FROM call_stage
    ORDER BY span_key
    ON CONFLICT DO NOTHING
    RETURNING key
), new_call AS (
    INSERT INTO call (project_id, {columns})
    SELECT %(project_id)s, {columns}
    FROM call_stage
    JOIN new_key ON new_key.key = call_stage.span_key
), new_response_key AS (
    INSERT INTO call_key (project_id, day, key, start_time)
    SELECT DISTINCT ON (response_key)
        %(project_id)s, (start_time AT TIME ZONE 'UTC')::date, response_key, start_time
    FROM call_stage
    JOIN new_key ON new_key.key = call_stage.span_key
    WHERE response_key IS NOT NULL
    ORDER BY response_key, start_time
    ON CONFLICT DO NOTHING
)
SELECT key FROM new_key
