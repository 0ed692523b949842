"""The price book: rates by meter, multipliers, aliases, contracts; superseded, never updated.

Rows of the catalogue, which all projects share, have the project 0.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RATES = """
CREATE TABLE price_rate (
    project_id bigint NOT NULL,
    line_id uuid NOT NULL,
    meter text NOT NULL,
    threshold_tokens bigint NOT NULL DEFAULT -1,
    threshold_operator text CHECK (threshold_operator IN ('>', '>=')),
    layer text NOT NULL CHECK (layer IN ('catalogue', 'project', 'contract')),
    provider text NOT NULL,
    model text NOT NULL,
    match jsonb NOT NULL,
    position integer NOT NULL,
    unit_size numeric NOT NULL CHECK (unit_size > 0),
    price numeric NOT NULL CHECK (price >= 0),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency = 'USD'),
    minimum_quantity bigint NOT NULL DEFAULT 0,
    valid_from timestamptz,
    valid_to timestamptz,
    week_timezone text,
    week_days text[],
    week_hours text[],
    service_tier text,
    region text,
    conditions jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('announced', 'confirmed', 'withdrawn')),
    is_correction boolean NOT NULL,
    source text NOT NULL,
    quote text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, line_id, recorded_at, meter, threshold_tokens)
);
COMMENT ON TABLE price_rate IS 'Prices as printed; rows of one line_id are one price line. Only superseded_at is ever set';
COMMENT ON COLUMN price_rate.threshold_tokens IS '-1: the price itself; else that of a request of more input tokens';
CREATE INDEX price_rate_current ON price_rate (project_id, provider, model) WHERE superseded_at IS NULL;
"""

OTHERS = """
CREATE TABLE price_multiplier (
    project_id bigint NOT NULL,
    line_id uuid NOT NULL,
    layer text NOT NULL CHECK (layer IN ('catalogue', 'project', 'contract')),
    provider text NOT NULL,
    name text NOT NULL,
    match jsonb NOT NULL,
    factor numeric NOT NULL CHECK (factor >= 0),
    meters text[],
    conditions jsonb NOT NULL,
    valid_from timestamptz,
    valid_to timestamptz,
    source text NOT NULL,
    quote text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, line_id, recorded_at)
);
COMMENT ON COLUMN price_multiplier.meters IS 'NULL is every token meter';

CREATE TABLE price_alias (
    project_id bigint NOT NULL,
    line_id uuid NOT NULL,
    layer text NOT NULL CHECK (layer IN ('catalogue', 'project')),
    provider text NOT NULL,
    name text NOT NULL,
    model text NOT NULL,
    valid_from timestamptz,
    valid_to timestamptz,
    source text NOT NULL,
    quote text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, line_id, recorded_at)
);

-- Which calls the prices of a contract with a provider are for: those that the filter lets through.
CREATE TABLE price_contract (
    project_id bigint NOT NULL,
    contract_id uuid NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    filter text NOT NULL,
    valid_from timestamptz,
    valid_to timestamptz,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, contract_id)
);
COMMENT ON COLUMN price_contract.provider IS 'The catalogue''s name of the provider that the contract is with';

-- How a provider of the catalogue tells its models from names, in the order in which they are tried.
CREATE TABLE price_provider (
    project_id bigint NOT NULL,
    line_id uuid NOT NULL,
    provider text NOT NULL,
    models jsonb NOT NULL,
    fallback text[] NOT NULL,
    model_match jsonb,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, line_id, recorded_at)
);

CREATE TABLE price_catalogue (
    version text NOT NULL,
    sources text[] NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version, loaded_at)
);
COMMENT ON TABLE price_catalogue IS 'The releases of the catalogue that were loaded; the newest is in force';
"""


def upgrade() -> None:
    for statements in (RATES, OTHERS):
        op.execute(statements)
