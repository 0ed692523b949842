"""Money: exact, rounded once, never a float."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan import money

prices = st.decimals(min_value=0, max_value=1000, places=12)
quantities = st.integers(0, 10**12)
pers = st.sampled_from([1, 1000, 3600, 1_000_000])


@given(quantities, prices, pers)
def test_a_line_is_rounded_once_half_even_at_18_decimals(quantity: int, price: Decimal, per: int) -> None:
    exact = Fraction(quantity) * Fraction(price) / per
    scaled = exact * 10**18
    assert Fraction(money.line_amount(quantity, price, per)) == Fraction(round(scaled), 10**18)


@given(st.lists(quantities, min_size=1, max_size=8), prices)
def test_splitting_a_quantity_keeps_the_sum_where_nothing_is_rounded(parts: list[int], price: Decimal) -> None:
    # 12 decimals of price and 6 of "per million" need no rounding at 18
    whole = money.line_amount(sum(parts), price, 1_000_000)
    assert money.total(money.line_amount(part, price, 1_000_000) for part in parts) == whole


@given(st.lists(st.decimals(min_value=-(10**15), max_value=10**15, places=18)))
def test_totals_are_exact_and_independent_of_order(amounts: list[Decimal]) -> None:
    expected = sum((Fraction(amount) for amount in amounts), Fraction(0))
    assert Fraction(money.total(amounts)) == expected == Fraction(money.total(reversed(amounts)))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=18))
def test_text_and_parse_are_inverse(amount: Decimal) -> None:
    text = money.text(amount)
    assert "E" not in text
    assert money.parse(text) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0E-18", "0"), ("-0.0", "0"), ("1E+3", "1000"), ("0.100", "0.1"), ("5", "5"), ("1E-18", "0.000000000000000001")],
)
def test_text_is_plain(amount: str, text: str) -> None:
    assert money.text(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0.0000123456789012345678", "0.000012345678901235"),  # a double's shortest text has more decimals than are kept
        ("0.0000000000000000015", "0.000000000000000002"),
    ],
)
def test_what_is_read_has_18_decimals(value: str, amount: str) -> None:
    assert money.parse(value) == Decimal(amount)


@pytest.mark.parametrize(
    "value", [0.1, True, None, "abc", "NaN", "Infinity", "1e40", "99999999999999999999.9999999999999999999", b"1", [1]]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    assert money.parse(value) is None
