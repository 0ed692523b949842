"""Re-rating: runs, what each changed, and alerts that a correction of prices causes or takes back."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RUNS = """
CREATE TABLE rerate_run (
    project_id bigint NOT NULL,
    rerate_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('previewing', 'previewed', 'applying', 'applied', 'undoing', 'undone')),
    from_time timestamptz NOT NULL,
    to_time timestamptz NOT NULL,
    filter text NOT NULL,
    reason text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    price_version bigint NOT NULL,
    oldest_price_version bigint,
    passes integer NOT NULL DEFAULT 1,
    calls_in_range bigint NOT NULL DEFAULT 0,
    calls_looked_at bigint NOT NULL DEFAULT 0,
    calls_touched bigint NOT NULL DEFAULT 0,
    before_usd numeric(38, 18) NOT NULL DEFAULT 0,
    after_usd numeric(38, 18) NOT NULL DEFAULT 0,
    states jsonb NOT NULL DEFAULT '{}',
    place_start_time timestamptz,
    place_trace_id bytea,
    place_span_id bytea,
    undone_by text,
    undo_reason text,
    undo_started_at timestamptz,
    undone_at timestamptz,
    calls_restored bigint NOT NULL DEFAULT 0,
    error text,
    PRIMARY KEY (project_id, rerate_id)
);
COMMENT ON TABLE rerate_run IS 'The audit of re-ratings: who re-rated which calls by which prices, when, why, and what it moved';
COMMENT ON COLUMN rerate_run.price_version IS 'The state of the price book that it re-rates by';
COMMENT ON COLUMN rerate_run.before_usd IS 'Known cost of the touched calls before; after_usd the same after';
COMMENT ON COLUMN rerate_run.place_start_time IS 'With the ids, the last call that the pass under way has dealt with';

CREATE TABLE rerate_group (
    project_id bigint NOT NULL,
    rerate_id bigint NOT NULL,
    month date NOT NULL,
    series_id bigint NOT NULL,
    calls bigint NOT NULL,
    touched bigint NOT NULL,
    before_usd numeric(38, 18) NOT NULL,
    after_usd numeric(38, 18) NOT NULL,
    PRIMARY KEY (project_id, rerate_id, month, series_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE rerate_group IS 'What a re-rating moves, by series and month (UTC)';

CREATE TABLE rerate_change (
    project_id bigint NOT NULL,
    rerate_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    price_version bigint NOT NULL,
    old_rate_card_id bigint,
    old_cost_usd numeric(38, 18),
    old_rated_usd numeric(38, 18),
    old_cost_state text,
    old_cost_reason text,
    old_price_version bigint NOT NULL,
    PRIMARY KEY (project_id, rerate_id, start_time, trace_id, span_id)
);
COMMENT ON TABLE rerate_change IS 'What calls held that a re-rating changed; price_version is what it gave them';
"""

# A correction takes an alert back: the threshold can be crossed, and is alerted, again.
ALERTS = """
ALTER TABLE alert ADD COLUMN rerate_id bigint, ADD COLUMN withdrawn_by bigint;
COMMENT ON COLUMN alert.rerate_id IS 'The re-rating that caused it';
COMMENT ON COLUMN alert.withdrawn_by IS 'The re-rating after which the standing was below the threshold again';
ALTER TABLE alert DROP CONSTRAINT alert_state_check;
ALTER TABLE alert ADD CONSTRAINT alert_state_check CHECK (state IN ('warned', 'breached', 'recovered'));
ALTER TABLE alert DROP CONSTRAINT alert_project_id_budget_id_scope_period_start_threshold_key;
CREATE UNIQUE INDEX alert_standing ON alert (project_id, budget_id, scope, period_start, threshold)
    WHERE withdrawn_by IS NULL AND state <> 'recovered';
"""


def upgrade() -> None:
    op.execute(RUNS)
    op.execute(ALERTS)
