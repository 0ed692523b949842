-- Give the staged calls their shares of a bill, keep what each cost by its price before its first share, and return how many
-- those were: fewer than are staged if some hold other costs by now. Not safe to repeat by itself.
WITH changed AS (
    UPDATE call
    SET rate_card_id = stage.rate_card_id, cost_usd = stage.cost_usd, rated_usd = stage.rated_usd,
        cost_state = stage.cost_state, cost_reason = stage.cost_reason, price_version = stage.price_version
    FROM rerate_stage AS stage
    WHERE call.project_id = %(project_id)s AND call.start_time BETWEEN %(first)s AND %(last)s
        AND call.start_time = stage.start_time AND call.trace_id = stage.trace_id AND call.span_id = stage.span_id
        AND call.series_id = stage.series_id AND call.price_version = stage.old_price_version
        AND call.cost_usd IS NOT DISTINCT FROM stage.old_cost_usd
    RETURNING stage.*
), kept AS (
    INSERT INTO gpu_hour_call (
        project_id, start_time, trace_id, span_id, rate_card_id, cost_usd, rated_usd, cost_state, cost_reason, price_version
    )
    SELECT
        %(project_id)s, start_time, trace_id, span_id, old_rate_card_id, old_cost_usd, old_rated_usd, old_cost_state,
        old_cost_reason, old_price_version
    FROM changed
    WHERE %(keep)s
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM changed
