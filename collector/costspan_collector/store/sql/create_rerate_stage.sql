-- The session's staging table for calls whose costs change, emptied by each commit. Once per connection.
CREATE TEMPORARY TABLE rerate_stage (
    start_time timestamptz NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    series_id bigint NOT NULL,
    old_rate_card_id bigint,
    old_cost_usd numeric,
    old_rated_usd numeric,
    old_cost_state text,
    old_cost_reason text,
    old_price_version bigint NOT NULL,
    rate_card_id bigint,
    cost_usd numeric,
    rated_usd numeric,
    cost_state text,
    cost_reason text,
    price_version bigint NOT NULL
) ON COMMIT DELETE ROWS
