-- A page of calls with what their price depends on, in the order of their keys, after a place. {columns}: see store/rerate_pages.py.
SELECT {columns}, {changed}
FROM call
WHERE project_id = %(project_id)s AND start_time >= %(start)s AND start_time < %(end)s
    AND (start_time, trace_id, span_id) > (%(place_time)s, %(place_trace)s, %(place_span)s)
    {of_series}
ORDER BY start_time, trace_id, span_id
LIMIT %(limit)s
