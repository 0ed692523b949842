"""What providers billed: imported exports and their lines. The newest import that covers a provider's day counts."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INVOICES = """
CREATE TABLE invoice_import (
    project_id bigint NOT NULL,
    import_id uuid NOT NULL,
    content_hash bytea NOT NULL,
    file_name text NOT NULL,
    mapping text NOT NULL,
    lines integer NOT NULL,
    skipped_lines integer NOT NULL,
    billed_usd numeric(38, 18) NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, import_id),
    UNIQUE (project_id, content_hash)
);

-- Lines are added and never changed; an older export's stay on record.
CREATE TABLE invoice_line (
    project_id bigint NOT NULL,
    import_id uuid NOT NULL,
    line_number integer NOT NULL,
    provider text NOT NULL,
    day date NOT NULL,
    sku text NOT NULL,
    category text NOT NULL,
    billed_usd numeric(38, 18) NOT NULL,
    quantity numeric,
    unit text,
    PRIMARY KEY (project_id, import_id, line_number)
);
CREATE INDEX invoice_line_day ON invoice_line (project_id, provider, day);
"""


def upgrade() -> None:
    op.execute(INVOICES)
