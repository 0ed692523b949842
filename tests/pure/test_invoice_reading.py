"""Exports read into what was billed: one small made-up file in the form of each, and bad rows named."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from costspan_collector.invoices.mapping import load_mapping, parse_mapping
from costspan_collector.invoices.reading import BadRow, BilledLine, LeftOut, NotThisExport, read_rows

BILLS = Path(__file__).parents[1] / "support" / "bills"
FOCUS, GOOGLE = ((BILLS / f"{name}.csv").read_text(encoding="utf-8") for name in ("focus", "google-cloud"))


def lines(name: str) -> list[BilledLine]:
    with (BILLS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        found = list(read_rows(file, load_mapping(name)))
    assert [row for row in found if isinstance(row, BadRow)] == []
    return [row for row in found if isinstance(row, BilledLine)]


def test_focus() -> None:
    first, hourly, tax = lines("focus")
    assert (first.provider, first.account, first.day, first.days) == ("openai", "org-1", date(2026, 11, 1), 1)
    assert (first.model, first.sku) == ("gpt-5-mini-2025-08-07", "API, gpt-5-mini input, sku-1")
    assert (first.billed_usd, first.effective_usd, first.list_usd) == (Decimal("0.825"), Decimal("0.825"), 1)
    assert (first.quantity, first.unit, first.tokens, first.starts_at) == (4000, "1K Tokens", 4_000_000, None)
    assert (hourly.provider, hourly.starts_at, hourly.tokens) == ("aws", datetime(2026, 11, 1, 7, tzinfo=UTC), None)
    assert (tax.category, tax.billed_usd, tax.days, tax.sku) == ("tax", 5, 30, "")


def test_openai() -> None:
    (line,) = lines("openai")
    assert (line.day, line.days, line.starts_at) == (date(2026, 11, 1), 1, None)
    assert (line.sku, line.billed_usd, line.tokens) == ("gpt-5-mini-2025-08-07, input", Decimal("0.00383598"), 12_000)


def test_anthropic() -> None:
    tokens, search = lines("anthropic")
    assert (tokens.model, tokens.provider, tokens.billed_usd, tokens.tokens) == (
        *("Claude Haiku 4.5", "anthropic", Decimal("0.13"), None),
    )
    assert (search.model, search.sku, search.billed_usd) == ("web_search", "web_search", Decimal("1.5"))


def test_aws() -> None:
    own, marketplace = lines("aws-cur")
    assert (own.provider, own.tokens, own.starts_at) == ("aws", 12_500, datetime(2026, 11, 1, 5, tzinfo=UTC))
    assert marketplace.sku.startswith("Claude Sonnet 4.5 (Amazon Bedrock Edition), USE1-MP:USE1_InputTokenCount_Global-Units")
    assert marketplace.tokens is None


def test_google_below_its_preamble() -> None:
    usage, credit = lines("google-cloud")
    assert (usage.billed_usd, usage.tokens, usage.category, usage.day) == (
        *(Decimal("1.5560075"), 622_403, "usage", date(2026, 11, 1)),
    )
    assert (credit.billed_usd, credit.category, credit.account) == (-1, "credit", "0A-0B")


@pytest.mark.parametrize("name", ["focus", "aws-cur", "google-cloud"])
def test_rows_of_other_services_are_counted_as_left_out(name: str) -> None:
    text, mapping = (BILLS / f"{name}.csv").read_text(encoding="utf-8"), load_mapping(name)
    assert len([row for row in read_rows(text.splitlines(), mapping) if isinstance(row, LeftOut)]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("0.825,0.825,1.00,USD", "0.825,0.825,1.00,EUR"), "billingcurrency: 'EUR' is not USD, the only currency"),
        (("0.825,", "1.2.3,"), "billedcost: '1.2.3' is not a number"),
        (("0.825,", "NaN,"), "billedcost: 'NaN' is not a number"),
        (("2026-11-01T00:00:00Z", "1 November"), "chargeperiodstart: '1 November' is not a time; allowed: 2026-01-31 or"),
        (("Usage,OpenAI,OpenAI", "Use,OpenAI,OpenAI"), "chargecategory: 'Use' is not a category; allowed: usage, purchase"),
        (("Usage,OpenAI,OpenAI", "Usage,,"), "providername: '' names no provider"),
        (("2026-11-02T00:00:00Z,Usage,OpenAI", "2026-10-02T00:00:00Z,Usage,OpenAI"), "is before the start"),
    ],
)
def test_a_bad_row_is_named_by_line_column_and_value(change: tuple[str, str], words: str) -> None:
    rows = list(read_rows(FOCUS.replace(*change, 1).splitlines(), load_mapping("focus")))
    (bad,) = [row for row in rows if isinstance(row, BadRow)]
    assert bad.line_number == 2
    assert words in bad.message
    assert len([row for row in rows if isinstance(row, BilledLine)]) == 2


def test_another_file_and_another_currency_are_refused_whole() -> None:
    with pytest.raises(NotThisExport, match=r"no line has the columns of mapping openai .* the file begins with"):
        list(read_rows(FOCUS.splitlines(), load_mapping("openai")))
    with pytest.raises(NotThisExport, match="Currency: 'AUD' is not USD"):
        list(read_rows(GOOGLE.replace("Currency,USD", "Currency,AUD").splitlines(), load_mapping("google-cloud")))


def test_a_mapping_of_ones_own_with_zone_delimiter_and_pattern() -> None:
    mapping = parse_mapping(
        'provider = "openai"\ndelimiter = ";"\ndate_format = "%d.%m.%Y %H:%M"\nzone = "Europe/Berlin"\ncurrency = "USD"\n'
        'model_pattern = \'^model=(?P<model>[^ ]+)\'\n[columns]\nstart = "When"\namount = "Sum"\nsku = "What"\n',
        "own",
    )
    (line,) = read_rows(['"When";"Sum";"What"\n', '01.11.2026 00:30;"1,234.50";model=gpt-5-mini kind=input\n'], mapping)
    assert isinstance(line, BilledLine)
    assert (line.day, line.starts_at) == (date(2026, 11, 1), datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    assert (line.model, line.billed_usd) == ("gpt-5-mini", Decimal("1234.5"))


@pytest.mark.parametrize(
    ("name", "header", "row", "expected"),
    [
        (
            "aws-cur",
            (
                "line_item_usage_start_date,line_item_unblended_cost,line_item_currency_code,line_item_usage_type,"
                "line_item_line_item_type,line_item_usage_amount,pricing_unit"
            ),
            "2026-11-05T00:00:00.000Z,1.5,USD,USE1-amazon.nova-pro-v1:0-input-tokens,Usage,1875,1K tokens",
            ("aws", "usage", Decimal("1.5"), 1_875_000),
        ),
        (
            "google-cloud",
            "usage_start_time,cost,currency,sku_description,cost_type,usage_amount,usage_unit",
            "2026-11-05 00:00:00 UTC,1.5,USD,Gemini 2.5 Pro Text Input token count,regular,1200000,count",
            ("google", "usage", Decimal("1.5"), 1_200_000),
        ),
    ],
)
def test_other_forms_of_the_same_exports(name: str, header: str, row: str, expected: tuple[object, ...]) -> None:
    (line,) = read_rows([header + "\n", row + "\n"], load_mapping(name))
    assert isinstance(line, BilledLine)
    assert (line.provider, line.category, line.billed_usd, line.tokens) == expected
