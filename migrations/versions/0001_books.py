"""The books: calls, their keys, series, rate cards, rollups and labels.

``project_id`` stands first in every key and no constraint crosses projects, so that each table can be distributed by it.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PROJECTS = """
CREATE TABLE project (
    project_id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE project IS 'Projects; small, the same on every node';

-- Locked FOR UPDATE by whatever changes a project's books; its version tells cached budgets that they are old.
CREATE TABLE project_writer (
    project_id bigint PRIMARY KEY,
    budgets_version bigint NOT NULL DEFAULT 0
);

INSERT INTO project (project_id, name) VALUES (1, 'default');
INSERT INTO project_writer (project_id) VALUES (1);
"""

SERIES = """
CREATE TABLE series (
    project_id bigint NOT NULL,
    series_id bigint NOT NULL,
    environment text,
    service text,
    feature text,
    customer text,
    provider text,
    model text,
    operation text,
    tags jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (project_id, series_id)
);
COMMENT ON TABLE series IS 'One row per distinct set of dimension values; series_id is a hash of them';

CREATE TABLE rate_card (
    project_id bigint NOT NULL,
    rate_card_id bigint NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    rule text NOT NULL,
    source text NOT NULL,
    valid_from text,
    conditions jsonb NOT NULL,
    rates jsonb NOT NULL,
    assumed text,
    PRIMARY KEY (project_id, rate_card_id)
);
COMMENT ON TABLE rate_card IS 'The rates that calls were priced by, so that each cost can show its arithmetic; never updated';
"""

CALLS = """
CREATE TABLE call (
    project_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    series_id bigint NOT NULL,
    rate_card_id bigint,
    duration_us bigint NOT NULL,
    time_to_first_chunk_us bigint,
    usage_input bigint,
    usage_cache_read bigint,
    usage_cache_write bigint,
    usage_cache_write_5m bigint,
    usage_cache_write_1h bigint,
    usage_output bigint,
    usage_reasoning bigint,
    incomplete boolean NOT NULL,
    streamed boolean NOT NULL,
    correct boolean,
    cost_usd numeric(38, 18),
    reported_cost_usd numeric(38, 18),
    value_usd numeric(38, 18),
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    parent_span_id bytea,
    cost_state text CHECK (cost_state IN ('priced', 'partial', 'unpriced', 'estimated', 'reported', 'free')),
    cost_reason text,
    basis text,
    response_id text,
    request_model text,
    response_model text,
    user_id text,
    session_id text,
    operation_id text,
    error_type text,
    service_tier text,
    usage_other jsonb,
    tags jsonb,
    PRIMARY KEY (project_id, start_time, trace_id, span_id)
) PARTITION BY RANGE (start_time);
COMMENT ON TABLE call IS 'One row per model call; usage_* are disjoint meters; what is NULL is unknown';

-- A primary key that holds start_time cannot keep a call unique; this table does, by hashes of its ids.
CREATE TABLE call_key (
    project_id bigint NOT NULL,
    day date NOT NULL,
    key uuid NOT NULL,
    start_time timestamptz NOT NULL,
    PRIMARY KEY (project_id, day, key)
) PARTITION BY RANGE (day);

CREATE TABLE label (
    project_id bigint NOT NULL,
    key uuid NOT NULL,
    name text NOT NULL,
    judge text NOT NULL,
    observed_at timestamptz NOT NULL,
    value numeric,
    category text,
    call_start_time timestamptz,
    PRIMARY KEY (project_id, key, name, judge)
);
COMMENT ON TABLE label IS 'The newest label per call, name and judge; call_start_time is NULL while its call has not arrived';
CREATE INDEX label_waiting ON label (project_id, key) WHERE call_start_time IS NULL;
"""

ROLLUP = """
CREATE TABLE {table} (
    project_id bigint NOT NULL,
    bucket timestamptz NOT NULL,
    series_id bigint NOT NULL,
    calls bigint NOT NULL,
    errors bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost_usd numeric(38, 18) NOT NULL,
    priced_calls bigint NOT NULL,
    partial_calls bigint NOT NULL,
    unpriced_calls bigint NOT NULL,
    estimated_calls bigint NOT NULL,
    reported_calls bigint NOT NULL,
    free_calls bigint NOT NULL,
    labelled_calls bigint NOT NULL,
    correct_calls bigint NOT NULL,
    duration_us bigint NOT NULL,
    PRIMARY KEY (project_id, bucket, series_id)
) WITH (fillfactor = 70);
"""


def upgrade() -> None:
    for statements in (PROJECTS, SERIES, CALLS):
        op.execute(statements)
    for table in ("rollup_minute", "rollup_quarter_hour"):
        op.execute(ROLLUP.format(table=table))
