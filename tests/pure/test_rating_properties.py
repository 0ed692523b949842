"""What must hold of every rating: the sum of its parts, splitting, the edge of a threshold, and no float anywhere."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan import money
from costspan.pricing import Pricer, Rate, RateCard, rate_usage
from costspan.pricing.book import PriceBook
from costspan.pricing.catalogue import bundled
from costspan.pricing.lines import Factor, ModelPrices, Multiplier, PriceLine, ProviderPrices, Threshold

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
METERS = ("input", "output", "cache_read", "cache_write_1h", "input_audio", "web_search")
PRICES = st.decimals(0, 1000, places=6)
FACTORS = st.lists(st.decimals("0.01", 10, places=4).map(lambda factor: Factor("factor", factor)), max_size=3).map(tuple)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    edges = sorted(draw(st.sets(st.integers(1, 1_000_000), max_size=3)))
    over = tuple(Threshold(edge, draw(PRICES), draw(st.booleans())) for edge in edges)
    return Rate(draw(PRICES), draw(st.sampled_from([1, 60, 1000, 1_000_000])), over, draw(FACTORS))


CARDS = st.fixed_dictionaries({meter: rates() for meter in METERS}).map(
    lambda card: RateCard("p", "m", card, rule="model", source="test")
)
USAGES = st.dictionaries(st.sampled_from(METERS), st.integers(0, 2_000_000), min_size=1)


@given(CARDS, USAGES)
def test_items_sum_to_the_amount_and_each_is_rounded_once(card: RateCard, usage: dict[str, int]) -> None:
    cost = rate_usage(usage, card)
    assert cost.amount == sum(item.amount for item in cost.items)
    half = Fraction(1, 2 * 10**money.AMOUNT_DECIMALS)
    assert all(abs(Fraction(item.amount) - item.unrounded) <= half for item in cost.items)


@given(CARDS, st.sampled_from(METERS), st.lists(st.integers(0, 100_000), min_size=1, max_size=8))
def test_a_split_quantity_keeps_its_unrounded_sum(card: RateCard, meter: str, parts: list[int]) -> None:
    # The tier is fixed, as within one request: a threshold looks at a whole request's input.
    flat = RateCard(
        "p", "m", {meter: Rate(card.rates[meter].price, card.rates[meter].per, (), card.rates[meter].factors)}, "", ""
    )
    (whole,) = rate_usage({meter: sum(parts)}, flat).items
    pieces = [item for part in parts for item in rate_usage({meter: part}, flat).items]
    assert sum((piece.unrounded for piece in pieces), Fraction(0)) == whole.unrounded
    quantum = Fraction(1, 10**money.AMOUNT_DECIMALS)
    assert abs(sum(Fraction(piece.amount) for piece in pieces) - Fraction(whole.amount)) <= quantum * (len(parts) + 1) / 2


@given(CARDS, USAGES)
def test_the_order_of_the_meters_changes_nothing(card: RateCard, usage: dict[str, int]) -> None:
    turned = dict(reversed(usage.items()))
    assert sorted(rate_usage(usage, card).items) == sorted(rate_usage(turned, card).items)
    assert rate_usage(usage, card).amount == rate_usage(turned, card).amount


@given(rates(), st.integers(-1, 1), st.data())
def test_a_threshold_re_rates_the_whole_request_from_its_edge_on(rate: Rate, beside: int, data: st.DataObject) -> None:
    if not rate.over:
        return
    edge = data.draw(st.sampled_from(rate.over))
    tokens = edge.tokens + beside
    prices = [rate.price, *(over.price for over in rate.over)]
    crossed = [over.tokens <= tokens if over.inclusive else over.tokens < tokens for over in rate.over]
    (item,) = rate_usage({"input": tokens}, RateCard("p", "m", {"input": rate}, "", "")).items
    assert item.list_price == prices[crossed.index(False) if False in crossed else len(crossed)]
    assert item.quantity == tokens


INSTANTS = st.integers(-1000, 1000).map(lambda hours: NOON + timedelta(hours=hours))


@given(st.lists(INSTANTS, unique=True, min_size=1, max_size=6), INSTANTS, INSTANTS)
def test_a_contract_is_of_its_own_time_where_the_list_has_a_price(starts: list[datetime], begins: datetime, at: datetime) -> None:
    edges = [None, *sorted(starts), None]
    listed = tuple(
        PriceLine({"output": Rate(Decimal(order), 1)}, "list", start, end)
        for order, (start, end) in enumerate(pairwise(edges), 1)
    )
    agreed = PriceLine({"output": Rate(Decimal("0.5"), 1)}, "contract", begins)
    layers = {
        "catalogue": {"p": ProviderPrices("p", (ModelPrices("m", ["equals", "m"], listed),))},
        "contract": {"p": ProviderPrices("p", (ModelPrices("m", ["equals", "m"], (agreed,)),))},
    }
    cost = Pricer(PriceBook(layers, {})).price("p", "m", {"output": 1}, at)  # type: ignore[arg-type]
    in_force = 1 + sum(start <= at for start in starts)
    assert (cost.amount, cost.state) == (Decimal("0.5") if begins <= at else Decimal(in_force), "priced")


@pytest.mark.parametrize("quantity", [0.5, 3.0, float("nan")])
def test_a_float_cannot_be_rated(quantity: Any) -> None:
    card = RateCard("p", "m", {"second": Rate(Decimal(1), 1)}, "", "")
    with pytest.raises(TypeError):
        rate_usage({"second": quantity}, card)
    assert money.parse(quantity) is None


def test_no_float_is_in_the_catalogue() -> None:
    catalogue = bundled()
    seen = 0
    for name in catalogue:
        prices = catalogue[name]
        numbers: list[object] = [multiplier.factor for multiplier in prices.multipliers]
        for line in (line for model in prices.models for line in model.lines):
            for rate in line.rates.values():
                numbers += [rate.price, rate.per, rate.minimum, *(part for over in rate.over for part in over[:2])]
        assert all(type(number) in (int, Decimal) for number in numbers), name
        seen += len(numbers)
    assert seen > 10_000
    assert {kind.__annotations__[field] for kind, field in ((Rate, "price"), (Multiplier, "factor"), (Factor, "factor"))} == {
        Decimal
    }


def test_a_call_is_priced_in_microseconds() -> None:
    """10 is the bound; 20 leaves room for a busy machine and a coverage run. The best of many runs."""
    pricer = Pricer()
    usage = {"input": 1200, "cache_read": 800, "output": 300, "reasoning": 100}

    def once() -> float:
        start = perf_counter()
        for _ in range(500):
            pricer.price("openai", "gpt-5-mini", usage, NOON, tier="default")
        return (perf_counter() - start) / 500

    assert min(once() for _ in range(20)) < 20e-6
