-- Give the staged calls the costs staged for them, those alone that still hold the costs staged as their old ones. Part of
-- rerate_calls.sql, restore_calls.sql and share_calls.sql, as {change}.
UPDATE call
SET rate_card_id = stage.rate_card_id, cost_usd = stage.cost_usd, rated_usd = stage.rated_usd,
    cost_state = stage.cost_state, cost_reason = stage.cost_reason, price_version = stage.price_version
FROM rerate_stage AS stage
WHERE call.project_id = %(project_id)s AND call.start_time BETWEEN %(first)s AND %(last)s
    AND call.start_time = stage.start_time AND call.trace_id = stage.trace_id AND call.span_id = stage.span_id
    AND call.series_id = stage.series_id AND call.price_version = stage.old_price_version
    AND call.cost_usd IS NOT DISTINCT FROM stage.old_cost_usd
RETURNING stage.*
