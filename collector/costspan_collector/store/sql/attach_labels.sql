-- Note on labels under a span's key that their call is booked. Safe to repeat.
UPDATE label SET call_start_time = %(start_time)s
WHERE project_id = %(project_id)s AND key = %(span_key)s AND call_start_time IS NULL
