"""Bills by account and by the hour, with list prices and tokens; an import covers all days from its first to its last."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BILLS = """
ALTER TABLE invoice_import ADD COLUMN left_out_lines integer NOT NULL DEFAULT 0;

-- Of all imports that cover a day of an account with a provider, the newest is what was billed.
CREATE TABLE invoice_coverage (
    project_id bigint NOT NULL,
    import_id uuid NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    PRIMARY KEY (project_id, import_id, provider, account)
);
INSERT INTO invoice_coverage
    SELECT project_id, import_id, provider, '', min(day), max(day) FROM invoice_line GROUP BY 1, 2, 3;

ALTER TABLE invoice_line
    ADD COLUMN account text NOT NULL DEFAULT '',
    ADD COLUMN days integer NOT NULL DEFAULT 1,
    ADD COLUMN starts_at timestamptz,
    ADD COLUMN model text NOT NULL DEFAULT '',
    ADD COLUMN effective_usd numeric(38, 18),
    ADD COLUMN list_usd numeric(38, 18),
    ADD COLUMN tokens numeric;
COMMENT ON COLUMN invoice_line.starts_at IS 'When the charge begins; NULL where the export names whole days only';
COMMENT ON COLUMN invoice_line.model IS 'The words of the export in which the model is named';
"""


def upgrade() -> None:
    op.execute(BILLS)
