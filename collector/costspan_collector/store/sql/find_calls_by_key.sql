-- Candidates for the calls that keys name: those that start at the key's instant; the reader compares the ids.
SELECT call_key.key, call.start_time, call.trace_id, call.span_id, call.response_id, call.series_id, call.correct
FROM call_key
JOIN call ON call.project_id = call_key.project_id AND call.start_time = call_key.start_time
WHERE call_key.project_id = %s AND call_key.key = ANY(%s)
