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

from costspan_collector.invoices.mapping import load_mapping, names
from costspan_collector.prices.reconciling import BadFile, import_file
from costspan_collector.store.database import connect
from tests.support.collector import RunningCollector
from tests.support.otlp import CHAT_COST, traces

BILLS = Path(__file__).parents[1] / "support" / "bills"
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
    imported(collector, tmp_path / "bill.csv", FOCUS + focus_row("0.0005") + focus_row("2", what="text-embedding-3-small"))
    found = collector.get("/api/v1/reconciliation")
    rows = {row["model"]: row for row in found["rows"]}
    assert set(rows) == {"gpt-5-mini", "text-embedding-3-small"}
    assert Decimal(rows["gpt-5-mini"]["booked_usd"]) == 2 * Decimal(CHAT_COST)
    assert [cause["cause"] for cause in rows["gpt-5-mini"]["causes"]] == ["rounding"]
    assert [cause["cause"] for cause in rows["text-embedding-3-small"]["causes"]] == ["calls not seen"]
    totals = found["totals"]
    assert Decimal(totals["booked_usd"]) + Decimal(totals["difference_usd"]) == Decimal(totals["billed_usd"]) == Decimal("2.0005")


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
            (3, "billingcurrency: 'EUR' is not USD, the only currency that is compared"),
            (4, "billedcost: 'x' is not a number; allowed: digits, with a point for decimals"),
            (5, "chargecategory: 'Gift' is not a category; allowed: usage, purchase, tax, credit, adjustment"),
        ]
        assert connection.execute("SELECT count(*) FROM invoice_import").fetchone() == (0,)
        assert import_file(connection, 1, path, load_mapping("focus"), skip_bad=True).imported.skipped_lines == 3


@pytest.mark.parametrize("name", names())
def test_the_export_of_each_mapping_is_imported_and_nothing_of_it_is_dropped(collector: RunningCollector, name: str) -> None:
    with connect(collector.database_url) as connection:
        result = import_file(connection, 1, BILLS / f"{name}.csv", load_mapping(name))
    answer = collector.get("/api/v1/reconciliation?from=2026-10-31&to=2026-12-01")
    assert Decimal(answer["totals"]["billed_usd"]) == result.imported.billed_usd > 0


def test_an_export_covers_all_its_days_and_each_account_has_its_own(collector: RunningCollector, tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=index) for index in range(3)]
    header = FOCUS.replace("\n", ",BillingAccountId\n")

    def rows(*pairs: tuple[int, str], account: str = "a") -> str:
        return header + "".join(focus_row(usd, day=days[index]).replace("\n", f",{account}\n") for index, usd in pairs)

    imported(collector, tmp_path / "1.csv", rows((0, "1"), (1, "2"), (2, "4")))
    imported(collector, tmp_path / "2.csv", rows((1, "8"), account="b"))
    # The day between is gone from the newer export of account a: nothing is billed on it any more.
    imported(collector, tmp_path / "3.csv", rows((0, "16"), (2, "32")))
    found = {row["day"]: row["billed_usd"] for row in collector.get("/api/v1/reconciliation")["rows"]}
    assert found == {str(days[0]): "16", str(days[1]): "8", str(days[2]): "32"}
    assert collector.sql("SELECT count(*) FROM invoice_line") == [(6,)]


def test_a_charge_by_the_hour_falls_on_the_day_of_the_zone(collector: RunningCollector, tmp_path: Path) -> None:
    day = TODAY - timedelta(days=2)
    start = int(datetime(day.year, day.month, day.day, 23, tzinfo=UTC).timestamp()) * 10**9
    collector.post_protobuf("/v1/traces", traces(4, start_ns=start))
    row = focus_row(str(4 * Decimal(CHAT_COST)), day=day).replace("T00:00:00Z", "T23:00:00Z", 1)
    imported(collector, tmp_path / "hour.csv", FOCUS + row)
    for zone, expected in (("UTC", day), ("Europe/Berlin", day + timedelta(days=1))):
        found = collector.get(f"/api/v1/reconciliation?tz={zone}")["rows"]
        assert [(row["day"], row["difference_usd"]) for row in found] == [(str(expected), "0")], zone


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
