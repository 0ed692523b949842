"""Mappings of exports: those that ship can be read, and what is wrong in one is said in words."""

from pathlib import Path

import pytest

from costspan_collector.invoices.mapping import MappingError, load_mapping, names, parse_mapping

GOOD = 'provider = "openai"\n[columns]\nstart = "day"\namount = "cost"\nsku = "what"\n'


def test_the_mappings_that_ship_can_be_read() -> None:
    assert names() == ("anthropic", "aws-cur", "focus", "google-cloud", "openai")
    for name in names():
        assert load_mapping(name).name == name
        assert "source = " in load_mapping(name).written


def test_names_of_columns_are_lists_in_lower_case() -> None:
    assert parse_mapping(GOOD, "own").columns == {"start": ("day",), "amount": ("cost",), "sku": ("what",)}
    assert load_mapping("google-cloud").columns["start"] == ("usage start date", "date", "usage_start_time")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("provider = ", "mapping own: "),
        (GOOD.replace("provider", "vendor"), "mapping own: 'vendor' is not a key; allowed: categories, columns, currency"),
        (GOOD.replace('provider = "openai"', ""), "give provider, or columns.provider"),
        (GOOD.replace("start", "begin"), "columns.'begin' is not a key; allowed: account, amount"),
        (GOOD.replace('start = "day"', ""), "columns.start is missing"),
        (GOOD.replace('"cost"', "7"), "columns.amount: 7 is not a column's name"),
        (GOOD.replace('sku = "what"', ""), "columns.sku is missing"),
        ('zone = "Mars"\n' + GOOD, "zone: 'Mars' is not an IANA time zone"),
        ('delimiter = "tab"\n' + GOOD, "delimiter: 'tab' is not one character"),
        ('model_pattern = "("\n' + GOOD, "model_pattern: '(' is not a regular expression"),
        ('model_pattern = "(.*)"\n' + GOOD, "has no group (?P<model>...)"),
        ('empty_amount = "zero"\n' + GOOD, "empty_amount: 'zero' is not allowed; allowed: bad, nothing"),
        (GOOD + '[categories]\nUsage = "use"', "categories.Usage: 'use' is not allowed; allowed: usage, purchase, tax"),
        (GOOD + '[units]\nkilo = "1k"', "units.kilo: '1k' is not a number of tokens"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_named(text: str, words: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "own")
    assert words in str(caught.value)


def test_a_mapping_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(MappingError, match="'azure' is neither a readable file nor one of anthropic, aws-cur, focus"):
        load_mapping("azure")


def test_the_mapping_of_the_documentation_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reconciliation.md").read_text(encoding="utf-8")
    mapping = parse_mapping(page.split("```toml\n")[1].split("```")[0], "documented")
    assert mapping.columns["amount"] == ("net amount", "amount")
    assert mapping.providers == {"openai ireland ltd": "openai"}
