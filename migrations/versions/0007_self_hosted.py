"""Self-hosted models: cards, bills, and the hours that bills are split over.

Rows are superseded, never updated: ``superseded_at`` is NULL for what holds now.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SELF_HOSTED = """
CREATE TABLE self_hosted_card (
    project_id bigint NOT NULL,
    card_id uuid NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    gpu text NOT NULL,
    gpus integer NOT NULL CHECK (gpus > 0),
    usd_per_gpu_hour numeric NOT NULL CHECK (usd_per_gpu_hour > 0),
    tokens_per_s numeric NOT NULL CHECK (tokens_per_s > 0),
    tokens_per_s_measured boolean NOT NULL,
    counted text NOT NULL CHECK (counted IN ('weighted', 'prefill', 'decode')),
    utilisation numeric NOT NULL CHECK (utilisation > 0 AND utilisation <= 1),
    utilisation_measured boolean NOT NULL,
    weights jsonb NOT NULL,
    note text NOT NULL,
    valid_from timestamptz,
    valid_to timestamptz,
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz,
    PRIMARY KEY (project_id, card_id)
);
COMMENT ON TABLE self_hosted_card IS 'What serves a model: GPUs, their price and their speed, from when to when';

CREATE TABLE gpu_bill (
    project_id bigint NOT NULL,
    bill_id uuid NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    hour timestamptz NOT NULL,
    usd numeric(38, 18) NOT NULL CHECK (usd >= 0),
    source text NOT NULL,
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz,
    PRIMARY KEY (project_id, bill_id)
);
COMMENT ON TABLE gpu_bill IS 'What the machines of a model really cost in an hour';
CREATE UNIQUE INDEX gpu_bill_current ON gpu_bill (project_id, provider, model, hour) WHERE superseded_at IS NULL;

CREATE TABLE gpu_hour (
    project_id bigint NOT NULL,
    gpu_hour_id uuid NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    hour timestamptz NOT NULL,
    bill_id uuid NOT NULL,
    card_id uuid NOT NULL,
    billed_usd numeric(38, 18) NOT NULL,
    busy_usd numeric(38, 18) NOT NULL,
    idle_usd numeric(38, 18) NOT NULL,
    standard_usd numeric(38, 18) NOT NULL,
    calls bigint NOT NULL,
    used_tokens numeric NOT NULL,
    capacity_tokens numeric NOT NULL,
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz,
    PRIMARY KEY (project_id, gpu_hour_id),
    CHECK (busy_usd + idle_usd = billed_usd)
);
COMMENT ON TABLE gpu_hour IS 'How a bill was split: over the calls (busy) and what stood idle; tokens are weighted';
CREATE UNIQUE INDEX gpu_hour_current ON gpu_hour (project_id, provider, model, hour) WHERE superseded_at IS NULL;

CREATE TABLE gpu_hour_call (
    project_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    rate_card_id bigint,
    cost_usd numeric(38, 18),
    rated_usd numeric(38, 18),
    cost_state text,
    cost_reason text,
    price_version bigint NOT NULL,
    PRIMARY KEY (project_id, start_time, trace_id, span_id)
);
COMMENT ON TABLE gpu_hour_call IS 'What calls cost by their price before they got a share of a bill, to undo it';
"""


def upgrade() -> None:
    op.execute(SELF_HOSTED)
