"""Budgets, their standings, the alerts that they cause and the outbox of deliveries."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BUDGETS = """
CREATE TABLE budget (
    project_id bigint NOT NULL,
    budget_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('spend')),
    filter text NOT NULL,
    fan_out text[] NOT NULL,
    period text NOT NULL CHECK (period IN ('hour', 'day', 'week', 'month')),
    timezone text NOT NULL,
    amount_usd numeric(38, 18) NOT NULL CHECK (amount_usd > 0),
    thresholds numeric[] NOT NULL,
    action text NOT NULL CHECK (action IN ('alert')),
    channels jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, budget_id),
    UNIQUE (project_id, name)
);

CREATE TABLE budget_standing (
    project_id bigint NOT NULL,
    budget_id uuid NOT NULL,
    scope text NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    spent_usd numeric(38, 18) NOT NULL,
    PRIMARY KEY (project_id, budget_id, scope, period_start)
) WITH (fillfactor = 50);
COMMENT ON TABLE budget_standing IS 'What a budget has spent in a period, in step with the rollups';
"""

ALERTS = """
CREATE TABLE alert (
    project_id bigint NOT NULL,
    alert_id uuid NOT NULL,
    budget_id uuid NOT NULL,
    budget_name text NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    threshold numeric NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    spent_usd numeric(38, 18) NOT NULL,
    amount_usd numeric(38, 18) NOT NULL,
    state text NOT NULL CHECK (state IN ('warned', 'breached')),
    reason text NOT NULL,
    drivers jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, alert_id),
    UNIQUE (project_id, budget_id, scope, period_start, threshold)
);
CREATE INDEX alert_newest ON alert (project_id, created_at DESC, alert_id);

CREATE TABLE delivery (
    project_id bigint NOT NULL,
    delivery_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    channel jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_outcome text,
    delivered_at timestamptz,
    PRIMARY KEY (project_id, delivery_id)
);
COMMENT ON TABLE delivery IS 'The outbox: written in the transaction that booked the spend, sent afterwards';
CREATE INDEX delivery_due ON delivery (project_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_of_alert ON delivery (project_id, alert_id);

CREATE TABLE delivery_attempt (
    project_id bigint NOT NULL,
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL,
    attempted_at timestamptz NOT NULL,
    outcome text NOT NULL,
    PRIMARY KEY (project_id, delivery_id, attempt)
);
"""


def upgrade() -> None:
    op.execute(BUDGETS)
    op.execute(ALERTS)
