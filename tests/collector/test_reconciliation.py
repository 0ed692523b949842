"""Bills imported and shown beside the books, with the real database, API and command line."""

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costspan.pricing import PriceBook
from costspan_collector.invoices.mapping import MappingError, load_mapping, names, read_mapping
from costspan_collector.invoices.models import Models
from costspan_collector.invoices.reading import BadRow, BilledLine, NotThisExport, read_rows
from costspan_collector.prices.reconciling import BadFile, import_file
from costspan_collector.store.database import connect
from tests.support.collector import RunningCollector
from tests.support.otlp import CHAT_COST, traces

TODAY = datetime.now(UTC).date()
FOCUS = (
    "ChargePeriodStart,ChargePeriodEnd,BilledCost,BillingCurrency,ChargeCategory,ProviderName,ServiceName,ChargeDescription,SkuId,"
    "ConsumedQuantity,ConsumedUnit\n"
)


def focus_row(
    usd: str, *, what: str = "gpt-5-mini, input", currency: str = "USD", category: str = "Usage", day: Any = TODAY
) -> str:
    return f'{day}T00:00:00Z,{day}T23:59:59Z,{usd},{currency},{category},OpenAI,API,"{what}",sku-1,1280,Tokens\n'


def costspan(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "costspan_collector", "reconcile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def imported(collector: RunningCollector, path: Path, text: str, mapping: str = "focus") -> Any:
    path.write_text(text)
    with connect(collector.database_url) as connection:
        return import_file(connection, 1, path, load_mapping(mapping))


def test_a_bill_is_shown_beside_the_books(collector: RunningCollector, tmp_path: Path) -> None:
    collector.post_protobuf("/v1/traces", traces(2))
    imported(collector, tmp_path / "bill.csv", FOCUS + focus_row("0.0004") + focus_row("2", what="text-embedding-3-small"))
    found = collector.get("/api/v1/reconciliation")
    rows = {row["model"]: row for row in found["rows"]}
    assert set(rows) == {"gpt-5-mini", "text-embedding-3-small"}
    assert Decimal(rows["gpt-5-mini"]["booked_usd"]) == 2 * Decimal(CHAT_COST)
    assert [cause["cause"] for cause in rows["gpt-5-mini"]["causes"]] == ["rounding"]
    assert [cause["cause"] for cause in rows["text-embedding-3-small"]["causes"]] == ["calls not seen"]
    totals = found["totals"]
    assert Decimal(totals["booked_usd"]) + Decimal(totals["difference_usd"]) == Decimal(totals["billed_usd"]) == Decimal("2.0004")


def test_the_newest_export_of_a_day_counts_and_the_same_file_twice_changes_nothing(
    collector: RunningCollector, tmp_path: Path
) -> None:
    yesterday = TODAY - timedelta(days=1)
    first = FOCUS + focus_row("1") + focus_row("4", day=yesterday)
    assert imported(collector, tmp_path / "one.csv", first).is_new
    assert not imported(collector, tmp_path / "copy.csv", first).is_new
    assert imported(collector, tmp_path / "two.csv", FOCUS + focus_row("3")).is_new
    rows = collector.get("/api/v1/reconciliation")["rows"]
    assert [(row["day"], row["billed_usd"]) for row in rows] == [(str(yesterday), "4"), (str(TODAY), "3")]
    assert collector.sql("SELECT count(*) FROM invoice_line") == [(3,)]


def test_a_gzipped_export_is_read(collector: RunningCollector, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + FOCUS + focus_row("1.25")).encode()))
    with connect(collector.database_url) as connection:
        assert import_file(connection, 1, path, load_mapping("focus")).imported.billed_usd == Decimal("1.25")


def test_nothing_of_a_file_with_bad_rows_is_booked_unless_asked(collector: RunningCollector, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(FOCUS + focus_row("1") + focus_row("2", currency="EUR") + focus_row("x") + focus_row("1", category="Gift"))
    with connect(collector.database_url) as connection:
        with pytest.raises(BadFile) as refused:
            import_file(connection, 1, path, load_mapping("focus"))
        assert [(row.line_number, row.message) for row in refused.value.rows] == [
            (3, "BillingCurrency: 'EUR' is not USD, the only currency that is booked"),
            (4, "BilledCost: 'x' is no decimal number"),
            (5, "ChargeCategory: 'Gift' is none of Usage, Purchase, Tax, Credit, Adjustment"),
        ]
        assert connection.execute("SELECT count(*) FROM invoice_import").fetchone() == (0,)
        assert import_file(connection, 1, path, load_mapping("focus"), skip_bad=True).imported.skipped_lines == 3


OPENAI = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id
1,2,2026-11-05T00:00:00+00:00,2026-11-06T00:00:00+00:00,1.5000000000000000,usd,"gpt-5-mini-2025-08-07, input",p,o
1,2,2026-11-06T00:00:00+00:00,2026-11-07T00:00:00+00:00,,,,,
"""
AWS = """\
line_item_usage_start_date,line_item_unblended_cost,line_item_currency_code,line_item_usage_type,line_item_line_item_type,\
line_item_usage_amount,pricing_unit
2026-11-05T00:00:00.000Z,1.5,USD,USE1-amazon.nova-pro-v1:0-input-tokens,Usage,1875,1K tokens
"""
GOOGLE = """\
usage_start_time,cost,currency,sku_description,cost_type,usage_amount,usage_unit
2026-11-05 00:00:00 UTC,1.5,USD,Gemini 2.5 Pro Input Text - Predictions,regular,1200000,tokens
"""
EXPORTS = {
    "focus": (FOCUS + focus_row("1.5"), "openai"),
    "openai": (OPENAI, "openai"),
    "aws-cur": (AWS, "aws"),
    "google-cloud": (GOOGLE, "google"),
}


@pytest.mark.parametrize("name", names())
def test_every_export_that_is_known_is_read(name: str) -> None:
    text, provider = EXPORTS[name]
    [line] = read_rows(text.splitlines(keepends=True), load_mapping(name))
    assert isinstance(line, BilledLine)
    assert (line.provider, line.category, line.billed_usd) == (provider, "usage", Decimal("1.5"))
    assert Models(PriceBook.of_catalogue()).find(line.provider, line.sku, line.day) is not None


@pytest.mark.parametrize(
    ("provider", "text", "model"),
    [
        ("openai", "gpt-5-mini-2025-08-07, input", "gpt-5-mini"),
        ("openai", "gpt-5 mini cached input, batch", "gpt-5-mini"),
        ("anthropic", "Claude Sonnet 4.5 Usage - Input Tokens, Cache Read", "claude-sonnet-4-5"),
        ("google", "Gemini 2.5 Pro Input Text - Predictions", "gemini-2.5-pro"),
        ("aws", "USE1-amazon.nova-pro-v1:0-input-tokens", "amazon.nova-pro-v1:0"),
        ("openai", "Storage of vector stores", None),
        ("openai", "", None),
    ],
)
def test_the_model_is_found_in_the_words_of_a_bill(provider: str, text: str, model: str | None) -> None:
    assert Models(PriceBook.of_catalogue()).find(provider, text, TODAY) == model


def test_a_file_of_another_kind_is_named() -> None:
    with pytest.raises(NotThisExport, match="no column 'ChargePeriodStart'"):
        list(read_rows(["a,b\n", "1,2\n"], load_mapping("focus")))
    [bad] = read_rows([FOCUS, focus_row("1", day="soon")], load_mapping("focus"))
    assert bad == BadRow(2, "ChargePeriodStart: 'soonT00:00:00Z' is no day such as 2026-11-15")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"columns": {"day": "d", "amount": "a"}}, "columns.sku is missing"),
        ({"columns": {"day": "d", "amount": "a", "sku": "s"}}, "give provider"),
        ({"columns": {"price": "d"}}, "'price' is no column"),
        ({"colour": 1}, "'colour' is no key"),
        (
            {"provider": "openai", "columns": {"day": "d", "amount": "a", "sku": "s"}, "categories": {"X": "gift"}},
            "'gift' is none of",
        ),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_by_name(form: dict[str, Any], error: str) -> None:
    with pytest.raises(MappingError) as raised:
        read_mapping(form)
    assert error in str(raised.value)


def test_the_command_line_imports_shows_and_says_whether_it_agrees(collector: RunningCollector, tmp_path: Path) -> None:
    collector.post_protobuf("/v1/traces", traces(1))
    where = ("--database-url", collector.database_url)
    path = tmp_path / "bill.csv"
    path.write_text(FOCUS + focus_row("7"))
    done = costspan("import", str(path), *where)
    assert (done.returncode, done.stdout.splitlines()[0].startswith("imported 1 rows, $7")) == (0, True), done
    again = costspan("import", str(path), *where)
    assert again.stdout.startswith("was imported before")
    shown = costspan("show", "--json", *where)
    assert shown.returncode == 1
    [row] = json.loads(shown.stdout)["rows"]
    assert (row["model"], row["billed_usd"], row["booked_usd"]) == ("gpt-5-mini", "7", CHAT_COST)
    assert costspan("show", "--provider", "anthropic", *where).returncode == 0
    bad = costspan("import", str(path), "--mapping", "nonsense", *where)
    assert bad.returncode == 2


def test_a_charge_that_differs_from_our_figure_is_listed(collector: RunningCollector) -> None:
    twice = str(2 * Decimal(CHAT_COST))
    collector.post_protobuf("/v1/traces", traces(2, {"costspan.cost.reported_usd": twice}))
    collector.post_protobuf("/v1/traces", traces(1, {"costspan.cost.usd": CHAT_COST}))
    [row] = collector.get("/api/v1/prices/differences")["rows"]
    assert (row["who"], row["calls"], row["differing_calls"]) == ("provider", 2, 2)
    assert (Decimal(row["ours_usd"]), Decimal(row["theirs_usd"])) == (2 * Decimal(CHAT_COST), 4 * Decimal(CHAT_COST))
    assert row["cause"].startswith("always 2 × ours")
    assert row["trace_id"] in {call["trace_id"] for call in collector.get("/api/v1/calls")["rows"]}
    assert collector.get("/api/v1/prices/differences?threshold=2")["rows"] == []
