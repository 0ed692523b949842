"""The worked example's page is what its code writes, and its figures are those of plain arithmetic."""

from decimal import Decimal

from tools import self_hosted_page as example


def test_the_page_and_the_picture_are_what_the_code_writes() -> None:
    found = example.points()
    assert (example.FOLDER / "README.md").read_text(encoding="utf-8") == example.page(found)
    assert (example.FOLDER / "cost-by-batch.svg").read_text(encoding="utf-8") == example.picture(found)


def test_a_million_tokens_cost_what_an_hour_costs_over_what_it_writes() -> None:
    for point in example.points():
        counted = point.phase
        for price in example.PRICES:
            expected = price * 1_000_000 / (point.tokens_per_s * 3600)
            got = example.usd_per_million(point.tokens_per_s, price, counted=counted)
            assert abs(got - expected) < Decimal("1e-15")
