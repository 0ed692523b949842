-- What was booked by day of a time zone, provider and model, from the rollup of quarter-hours. Reads only.
SELECT (r.bucket AT TIME ZONE %(timezone)s)::date AS day, s.provider, s.model,
    sum(r.cost_usd) AS usd,
    sum(r.calls)::bigint AS calls,
    sum(r.unpriced_calls)::bigint AS unpriced_calls,
    sum(r.partial_calls)::bigint AS partial_calls,
    sum(r.estimated_calls)::bigint AS estimated_calls,
    sum(r.input_tokens + r.output_tokens)::bigint AS tokens
FROM rollup_quarter_hour r
JOIN series s ON s.project_id = r.project_id AND s.series_id = r.series_id
WHERE r.project_id = %(project_id)s
    AND r.bucket >= %(first)s::timestamp AT TIME ZONE %(timezone)s
    AND r.bucket < (%(last)s::date + 1)::timestamp AT TIME ZONE %(timezone)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
