"""The tables that queries read, for SQLAlchemy. The migrations make them; a test holds the two together."""

from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, JSONB, UUID

from costspan_collector.book.measures import MEASURES
from costspan_collector.book.stored import USAGE_COLUMNS
from costspan_collector.call import DIMENSIONS

metadata = MetaData()
_AMOUNT = Numeric(38, 18)
_TIME = DateTime(timezone=True)


def _rollup(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("project_id", BIGINT, primary_key=True),
        Column("bucket", _TIME, primary_key=True),
        Column("series_id", BIGINT, primary_key=True),
        *(Column(measure, _AMOUNT if measure == "cost_usd" else BIGINT) for measure in MEASURES),
    )


rollup_minute = _rollup("rollup_minute")
rollup_quarter_hour = _rollup("rollup_quarter_hour")

series = Table(
    "series",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("series_id", BIGINT, primary_key=True),
    *(Column(dimension, Text) for dimension in DIMENSIONS),
    Column("tags", JSONB),
)

rate_card = Table(
    "rate_card",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("rate_card_id", BIGINT, primary_key=True),
    *(Column(name, Text) for name in ("provider", "model", "rule", "source", "valid_from", "assumed")),
    Column("conditions", JSONB),
    Column("rates", JSONB),
)

call = Table(
    "call",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("start_time", _TIME, primary_key=True),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("span_id", LargeBinary, primary_key=True),
    Column("parent_span_id", LargeBinary),
    Column("series_id", BIGINT),
    Column("rate_card_id", BIGINT),
    Column("duration_us", BIGINT),
    Column("time_to_first_chunk_us", BIGINT),
    *(Column(f"usage_{meter}", BIGINT) for meter in USAGE_COLUMNS),
    Column("price_version", BIGINT),
    *(Column(name, JSONB) for name in ("usage_other", "conditions", "tags")),
    *(Column(name, Boolean) for name in ("incomplete", "streamed", "correct")),
    *(Column(name, _AMOUNT) for name in ("cost_usd", "reported_cost_usd", "charged_usd", "rated_usd", "value_usd")),
    *(
        Column(name, Text)
        for name in (
            "cost_state",
            "cost_reason",
            "basis",
            "response_id",
            "request_model",
            "response_model",
            "user_id",
            "session_id",
            "region",
            "operation_id",
            "error_type",
            "service_tier",
        )
    ),
)

budget_standing = Table(
    "budget_standing",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("budget_id", UUID, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("period_start", _TIME, primary_key=True),
    Column("period_end", _TIME),
    Column("spent_usd", _AMOUNT),
)

alert = Table(
    "alert",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("alert_id", UUID, primary_key=True),
    Column("budget_id", UUID),
    *(Column(name, Text) for name in ("budget_name", "kind", "scope", "state", "reason")),
    Column("threshold", Numeric),
    *(Column(name, _TIME) for name in ("period_start", "period_end", "created_at")),
    *(Column(name, _AMOUNT) for name in ("spent_usd", "amount_usd")),
    *(Column(name, BIGINT) for name in ("rerate_id", "withdrawn_by")),
    Column("drivers", JSONB),
)

delivery = Table(
    "delivery",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("delivery_id", UUID, primary_key=True),
    Column("alert_id", UUID),
    Column("channel", JSONB),
    *(Column(name, Text) for name in ("state", "last_outcome")),
    Column("attempts", Integer),
    *(Column(name, _TIME) for name in ("next_attempt_at", "delivered_at")),
)

budget = Table(
    "budget",
    metadata,
    Column("project_id", BIGINT, primary_key=True),
    Column("budget_id", UUID, primary_key=True),
    *(Column(name, Text) for name in ("name", "kind", "filter", "period", "timezone", "action")),
    Column("fan_out", ARRAY(Text)),
    Column("amount_usd", _AMOUNT),
    Column("thresholds", ARRAY(Numeric)),
    Column("channels", JSONB),
    Column("created_at", _TIME),
)
