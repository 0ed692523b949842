-- A page of what a run changed, in the order of the calls' keys, after a place: what the calls hold now, what they held, and by
-- which prices what lies beneath a share of a bill was priced.
SELECT
    kept.start_time, kept.trace_id, kept.span_id, kept.price_version, call.series_id,
    call.rate_card_id, call.cost_usd, call.rated_usd, call.cost_state, call.cost_reason, call.price_version,
    kept.old_rate_card_id, kept.old_cost_usd, kept.old_rated_usd, kept.old_cost_state, kept.old_cost_reason,
    kept.old_price_version, beneath.price_version
FROM (
    SELECT * FROM rerate_change
    WHERE project_id = %(project_id)s AND rerate_id = %(rerate_id)s
        AND (start_time, trace_id, span_id) > (%(place_time)s, %(place_trace)s, %(place_span)s)
    ORDER BY start_time, trace_id, span_id
    LIMIT %(limit)s
) AS kept
LEFT JOIN call ON call.project_id = %(project_id)s
    AND call.start_time = kept.start_time AND call.trace_id = kept.trace_id AND call.span_id = kept.span_id
LEFT JOIN gpu_hour_call AS beneath ON beneath.project_id = %(project_id)s
    AND beneath.start_time = kept.start_time AND beneath.trace_id = kept.trace_id AND beneath.span_id = kept.span_id
ORDER BY kept.start_time, kept.trace_id, kept.span_id
