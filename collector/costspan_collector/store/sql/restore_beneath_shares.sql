-- Give what lies beneath shares of a bill the costs again that it had before a run, after a place up to another; the shares
-- themselves stay. Safe to repeat.
UPDATE gpu_hour_call AS beneath
SET rate_card_id = kept.old_rate_card_id, cost_usd = kept.old_cost_usd, rated_usd = kept.old_rated_usd,
    cost_state = kept.old_cost_state, cost_reason = kept.old_cost_reason, price_version = kept.old_price_version
FROM rerate_change AS kept
WHERE kept.project_id = %(project_id)s AND kept.rerate_id = %(rerate_id)s
    AND (kept.start_time, kept.trace_id, kept.span_id) > (%(place_time)s, %(place_trace)s, %(place_span)s)
    AND (kept.start_time, kept.trace_id, kept.span_id) <= (%(last_time)s, %(last_trace)s, %(last_span)s)
    AND beneath.project_id = kept.project_id AND beneath.start_time = kept.start_time
    AND beneath.trace_id = kept.trace_id AND beneath.span_id = kept.span_id
    AND beneath.price_version = kept.price_version
