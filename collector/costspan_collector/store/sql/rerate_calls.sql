-- Give the staged calls their new costs, keep the old ones for an undo, and return how many those were: fewer than are staged
-- if some hold other costs by now. What a run keeps of a call is what it held before the run. Not safe to repeat by itself.
WITH changed AS (
    {change}
), kept AS (
    INSERT INTO rerate_change (
        project_id, rerate_id, start_time, trace_id, span_id, price_version, old_rate_card_id, old_cost_usd,
        old_rated_usd, old_cost_state, old_cost_reason, old_price_version
    )
    SELECT
        %(project_id)s, %(rerate_id)s, start_time, trace_id, span_id, price_version, old_rate_card_id, old_cost_usd,
        old_rated_usd, old_cost_state, old_cost_reason, old_price_version
    FROM changed
    ON CONFLICT (project_id, rerate_id, start_time, trace_id, span_id) DO UPDATE SET price_version = EXCLUDED.price_version
)
SELECT count(*) FROM changed
