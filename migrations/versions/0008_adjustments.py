"""What is agreed with providers by the month: free quotas, discounts, credits, commitments. Superseded, never updated."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ADJUSTMENTS = """
CREATE TABLE price_adjustment (
    project_id bigint NOT NULL,
    adjustment_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('free_quota', 'discount', 'credit', 'commitment')),
    filter text NOT NULL,
    terms jsonb NOT NULL,
    source text NOT NULL,
    first_month date,
    last_month date,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    PRIMARY KEY (project_id, adjustment_id)
);
COMMENT ON COLUMN price_adjustment.last_month IS 'The last month that it holds in, as its first day; NULL is without end';
"""


def upgrade() -> None:
    op.execute(ADJUSTMENTS)
