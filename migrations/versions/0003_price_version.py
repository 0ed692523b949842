"""What a call's price depends on besides its model and tier, what the provider charged, and which state of the book priced it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CALL = """
ALTER TABLE call
    ADD COLUMN region text,
    ADD COLUMN conditions jsonb,
    ADD COLUMN charged_usd numeric(38, 18),
    ADD COLUMN rated_usd numeric(38, 18),
    ADD COLUMN price_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN call.charged_usd IS 'What the provider itself said that it charged';
COMMENT ON COLUMN call.rated_usd IS 'What our prices give where the provider''s own charge is booked as the cost';
COMMENT ON COLUMN call.price_version IS 'The state of the project''s price book that priced the call';

-- Goes up with every change of prices, under the writer lock.
ALTER TABLE project_writer ADD COLUMN price_version bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(CALL)
