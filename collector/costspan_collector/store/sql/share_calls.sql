-- Give the staged calls their shares of a bill, keep what each cost by its price before its first share, and return how many
-- those were: fewer than are staged if some hold other costs by now. Not safe to repeat by itself.
WITH changed AS (
    {change}
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
