-- Set a call's verdict. Safe to repeat.
UPDATE call SET correct = %s
WHERE project_id = %s AND start_time = %s AND trace_id = %s AND span_id = %s
