"""The layers of the book over one another: prices of one's own, contracts as factors and as fixed prices, each in its time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from costspan.pricing import Cost, PriceBook, Pricer
from costspan.pricing.forms import multiplier, price_line
from costspan.pricing.lines import Alias, Layer, ModelPrices, ProviderPrices
from costspan.pricing.matching import pattern_clause

WHEN = datetime(2026, 6, 1, tzinfo=UTC)
ID = UUID(int=7)
OTHER_ID = UUID(int=8)
LIST: list[dict[str, Any]] = [
    {
        "rates": {"input": "2", "output": "10", "cache_read": "0.2"},
        "over": [{"above": 100, "rates": {"input": "4", "output": "15"}}],
    },
    {"conditions": {"tier": "batch"}, "rates": {"input": "1", "output": "5"}},
]


def _models(pattern: str, lines: list[dict[str, Any]]) -> ModelPrices:
    forms = [{"source": "test", **line} for line in lines]
    return ModelPrices(pattern, pattern_clause(pattern), tuple(price_line(form, "test") for form in forms))


def _book(**layers: ProviderPrices) -> PriceBook:
    named: dict[Layer, Mapping[str, ProviderPrices]] = {
        "catalogue": {"acme": ProviderPrices("acme", (_models("m-1", LIST),))},
    }
    for layer, prices in layers.items():
        named[layer] = {"acme": prices}  # type: ignore[index]
    return PriceBook(named, {})


def _factor(factor: str, contract: UUID = ID, **form: Any) -> ProviderPrices:
    stated = {"name": "contract", "match": ["contains", ""], "factor": factor, "source": "test"}
    return ProviderPrices("acme", (), (multiplier({**stated, "conditions": {"contract": str(contract)}, **form}, "test"),))


def _fixed(*lines: dict[str, Any]) -> ProviderPrices:
    return ProviderPrices(
        "acme", (_models("m-1", [{**line, "conditions": {"contract": str(ID), **line.get("conditions", {})}} for line in lines]),)
    )


def _cost(book: PriceBook, usage: dict[str, int], when: datetime = WHEN, **options: Any) -> Cost:
    conditions = {"contract": str(ID), **options.pop("conditions", {})}
    return Pricer(book).price("acme", "m-1", usage, when, conditions=conditions, **options)


def _per_million(cost: Cost) -> Decimal | None:
    return None if cost.amount is None else cost.amount * 1_000_000


@pytest.mark.parametrize(
    ("usage", "tier", "expected"),
    [
        ({"input": 1}, None, "1.65"),
        ({"input": 1}, "batch", "0.825"),
        ({"input": 101, "output": 1}, None, str((101 * 4 + 15) * Decimal("0.825"))),
        ({"input": 1, "cache_read": 99}, None, str((2 + 99 * Decimal("0.2")) * Decimal("0.825"))),
        # batch states no price for cached input: the standard one, by the factor as well
        ({"cache_read": 10}, "batch", "1.65"),
    ],
)
def test_a_factor_holds_on_the_list_s_tiers_and_thresholds(usage: dict[str, int], tier: str | None, expected: str) -> None:
    cost = _cost(_book(contract=_factor("0.825")), usage, tier=tier)
    assert _per_million(cost) == Decimal(expected)
    assert cost.state == "priced"
    assert cost.card is not None
    assert cost.card.conditions["contract"] == str(ID)


def test_a_corrected_list_price_re_rates_the_contract() -> None:
    book = _book(contract=_factor("0.825"))
    corrected = ProviderPrices("acme", (_models("m-1", [{"rates": {"input": "3"}}]),))
    after = PriceBook({**book.layers, "catalogue": {"acme": corrected}}, {})
    assert _per_million(_cost(book, {"input": 1})) == Decimal("1.65")
    assert _per_million(_cost(after, {"input": 1})) == Decimal("2.475")


def test_a_fixed_price_for_one_meter_leaves_the_others_at_the_list() -> None:
    cost = _cost(_book(contract=_fixed({"rates": {"input": "1.5"}})), {"input": 1000, "output": 1})
    assert [(item.meter, item.unit_price) for item in cost.items] == [("input", Decimal("1.5")), ("output", Decimal(15))]


def test_a_fixed_price_beside_a_factor_is_taken_as_it_is() -> None:
    both = replace(_factor("0.5"), models=_fixed({"rates": {"input": "1.5"}}).models)
    cost = _cost(_book(contract=both), {"input": 1, "output": 1})
    assert [item.unit_price for item in cost.items] == [Decimal("1.5"), Decimal(5)]


def test_without_the_contract_the_list_holds() -> None:
    book = _book(contract=_factor("0.825"))
    cost = Pricer(book).price("acme", "m-1", {"input": 1}, WHEN)
    assert (_per_million(cost), cost.state) == (Decimal(2), "priced")
    other = Pricer(book).price("acme", "m-1", {"input": 1}, WHEN, conditions={"contract": str(OTHER_ID)})
    assert (_per_million(other), other.state) == (Decimal(2), "priced")


@pytest.mark.parametrize(
    ("when", "expected"),
    [("2025-12-31T23:59:59.999999+00:00", 2), ("2026-01-01T00:00:00+00:00", 1), ("2026-06-30T23:59:59.999999+00:00", 1),
     ("2026-07-01T00:00:00+00:00", 2)],
)  # fmt: skip
@pytest.mark.parametrize("layer", ["project", "contract"])
def test_a_price_of_one_s_own_holds_for_its_time_and_the_list_before_and_after(when: str, expected: int, layer: str) -> None:
    dated = {"rates": {"input": "1"}, "from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}
    prices = _fixed(dated) if layer == "contract" else ProviderPrices("acme", (_models("m-1", [dated]),))
    cost = _cost(_book(**{layer: prices}), {"input": 1}, datetime.fromisoformat(when))
    assert (_per_million(cost), cost.state) == (Decimal(expected), "priced")


def test_a_factor_ends_with_its_time() -> None:
    book = _book(contract=_factor("0.5", to="2026-06-01T00:00:00Z"))
    assert _per_million(_cost(book, {"input": 1}, WHEN - timedelta(microseconds=1))) == 1
    assert _per_million(_cost(book, {"input": 1}, WHEN)) == 2


def test_a_model_of_one_s_own_before_its_first_price_is_an_estimate() -> None:
    dated = {"rates": {"input": "1"}, "from": "2026-07-01T00:00:00Z"}
    book = PriceBook({"project": {"mine": ProviderPrices("mine", (_models("own", [dated]),))}}, {})
    cost = Pricer(book).price("mine", "own", {"input": 1}, WHEN)
    assert (cost.state, cost.reason) == ("estimated", "mine own has no price before 2026-07-01: that of then is taken")


def test_a_list_that_has_ended_is_no_reason_to_doubt_a_price_of_one_s_own() -> None:
    ended = ProviderPrices("acme", (_models("m-1", [{"rates": {"input": "9"}, "to": "2026-01-01T00:00:00Z"}]),))
    own = ProviderPrices("acme", (_models("m-1", [{"rates": {"input": "1"}}]),))
    cost = Pricer(PriceBook({"catalogue": {"acme": ended}, "project": {"acme": own}}, {})).price(
        "acme", "m-1", {"input": 1}, WHEN
    )
    assert (_per_million(cost), cost.state) == (Decimal(1), "priced")


def test_the_project_s_price_goes_before_the_list_and_the_later_stated_before_the_earlier() -> None:
    own = ProviderPrices("acme", (_models("m-*", [{"rates": {"input": "1"}}]), _models("m-1", [{"rates": {"input": "1.1"}}])))
    assert _per_million(_cost(_book(project=own), {"input": 1})) == Decimal("1.1")
    assert _per_million(_cost(_book(project=own, contract=_factor("0.5")), {"input": 1})) == Decimal("0.55")


@pytest.mark.parametrize("name", ["prod-chat", "PROD-chat", "arn:aws:bedrock:us-east-1:123:application-inference-profile/abc"])
def test_a_name_of_one_s_own_is_a_model_from_when_to_when(name: str) -> None:
    alias = Alias(name.lower(), "m-1", "test", valid_to=WHEN)
    book = _book(project=ProviderPrices("acme", aliases=(alias,)))
    before = Pricer(book).price("acme", name, {"input": 1}, WHEN - timedelta(seconds=1))
    assert _per_million(before) == 2
    assert before.card is not None
    assert before.card.rule == f"{name} is m-1, says this project"
    assert Pricer(book).price("acme", name, {"input": 1}, WHEN).state == "unpriced"
