"""Self-hosted models: exact standard rates from a card, and an hour's bill split to the last digit."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan import money
from costspan.pricing import PriceBook, Pricer, rate_usage
from costspan.pricing.apportion import apportion
from costspan.pricing.catalogue import bundled
from costspan.pricing.self_hosted import Figure, SelfHostedCard, overlap, provider_prices, serves
from costspan_collector.book.gpu_hour import HourCall, HourSplit, split_hour

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
UNIT = Fraction(1, 10**18)
MEASURED, ASSUMED = Figure(Decimal(3400), is_measured=True), Figure(Decimal(3400))


def _card(**changes: Any) -> SelfHostedCard:
    usual = {"provider": "vllm", "model": "llama-3*", "gpus": 4, "usd_per_gpu_hour": Decimal("2.49"), "tokens_per_s": MEASURED,
             "utilisation": Figure(Decimal(1), is_measured=True)}  # fmt: skip
    return SelfHostedCard(**{**usual, **changes})


def _pricer(*cards: SelfHostedCard) -> Pricer:
    catalogue = bundled()
    return Pricer(PriceBook({"catalogue": catalogue, "self_hosted": provider_prices(cards)}, catalogue.model_matches))


@pytest.mark.parametrize(("utilisation", "per_million"), [("1", "0.81"), ("0.6", "1.36"), ("0.3", "2.71"), ("0.1", "8.14")])
def test_the_standard_rate_is_the_hour_over_what_it_does(utilisation: str, per_million: str) -> None:
    pricer = _pricer(_card(utilisation=Figure(Decimal(utilisation), is_measured=True)))
    cost = pricer.price("vllm", "llama-3-70b", {"input": 1_000_000}, HOUR)
    assert cost.state == "priced"
    assert cost.amount == money.line_amount(1_000_000, Decimal("9.96"), Decimal(12_240_000) * Decimal(utilisation))
    assert f"{cost.amount:.2f}" == per_million


@pytest.mark.parametrize("name", ["together-ai", "Together_AI", "together"])
def test_a_card_s_provider_is_named_as_calls_may_name_it(name: str) -> None:
    cost = _pricer(_card(provider=name)).price("together-ai", "llama-3-70b", {"input": 12_240_000}, HOUR)
    assert (cost.amount, cost.state) == (Decimal("9.96"), "priced")


def test_rates_are_exact_rationals_and_weighted() -> None:
    card = _pricer(_card()).card("vllm", "llama-3-70b", HOUR)
    assert card is not None
    exact = {meter: Fraction(rate.price) / Fraction(rate.per) for meter, rate in card.rates.items()}
    token = Fraction(83, 102_000_000)
    assert exact["input"] == exact["cache_write_5m"] == exact["input_image"] == token
    assert exact["output"] == exact["reasoning"] == 4 * token
    assert exact["cache_read"] == token / 10
    assert "web_search" not in exact
    assert card.source == "self-hosted llama-3*: 4 x GPU at $2.49 an hour, 3400 tokens/s measured, utilisation 1 measured"


def test_a_speed_counted_in_written_tokens_is_told_in_weighted_ones() -> None:
    written = _card(tokens_per_s=Figure(Decimal(850), is_measured=True), counted="decode")
    assert written.capacity_per_hour == _card().capacity_per_hour
    cost = _pricer(written).price("vllm", "llama-3-70b", {"output": 850 * 3600}, HOUR)
    assert cost.amount == Decimal("9.96")


@pytest.mark.parametrize(
    ("speed", "utilisation", "state", "said"),
    [
        (MEASURED, Figure(Decimal("0.6"), is_measured=True), "priced", ()),
        (ASSUMED, Figure(Decimal("0.6"), is_measured=True), "estimated", ("3400 tokens/s",)),
        (MEASURED, Figure(Decimal("0.6")), "estimated", ("a utilisation of 0.6",)),
        (ASSUMED, Figure(Decimal("0.6")), "estimated", ("3400 tokens/s", "a utilisation of 0.6")),
    ],
)
def test_what_is_assumed_makes_the_cost_an_estimate(
    speed: Figure, utilisation: Figure, state: str, said: tuple[str, ...]
) -> None:
    cost = _pricer(_card(tokens_per_s=speed, utilisation=utilisation)).price("vllm", "llama-3-8b", {"input": 10}, HOUR)
    assert cost.state == state
    assert (cost.reason is None) == (not said)
    assert all(part in (cost.reason or "") for part in said)


def test_a_call_is_priced_by_the_card_of_its_own_hour() -> None:
    older = _card(valid_to=HOUR)
    newer = _card(valid_from=HOUR, usd_per_gpu_hour=Decimal("1.99"))
    pricer = _pricer(older, newer)
    before = pricer.price("vllm", "llama-3-8b", {"input": 12_240_000}, HOUR.replace(hour=11, minute=59))
    after = pricer.price("vllm", "llama-3-8b", {"input": 12_240_000}, HOUR)
    assert (before.amount, after.amount) == (Decimal("9.96"), Decimal("7.96"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gpus": 0}, "gpus: 0"),
        ({"usd_per_gpu_hour": Decimal(0)}, "usd_per_gpu_hour: 0"),
        ({"usd_per_gpu_hour": Decimal("NaN")}, "usd_per_gpu_hour: NaN"),
        ({"tokens_per_s": Figure(Decimal(-1))}, "tokens_per_s: -1"),
        ({"utilisation": Figure(Decimal("1.2"))}, "utilisation: 1.2"),
        ({"weights": {"decoding": Decimal(4)}}, "weights: 'decoding'"),
        ({"weights": {"decode": Decimal(-4)}}, "weights.decode: -4"),
        ({"weights": {"decode": Decimal(0)}, "counted": "decode"}, "weights.decode: 0"),
        ({"counted": "words"}, "counted: 'words'"),
        ({"model": "lla*ma"}, "model: 'lla*ma'"),
        ({"provider": " "}, "provider: ' '"),
        ({"valid_from": datetime(2026, 11, 1, 12, 30, tzinfo=UTC)}, "valid_from: 2026-11-01T12:30:00"),
        ({"valid_from": HOUR, "valid_to": HOUR}, "valid_to: 2026-11-01T12:00:00"),
    ],
)
def test_a_card_that_cannot_be_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("*", r"\*").replace("+", r"\+")):
        _card(**changes)


def test_a_card_serves_the_names_that_the_price_book_reads() -> None:
    card = _card(provider="OpenAI", model="Llama-3*")
    assert serves(card, "openai", ["meta-llama/Llama-3.1-8B-Instruct"])
    assert serves(card, "openai", [None, "llama-3"])
    assert not serves(card, "openai", ["gpt-5-mini", None])
    assert not serves(card, "vllm", ["llama-3"])
    assert not serves(card, None, ["llama-3"])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("llama*", "Llama-3", True), ("llama*", "lla*", True), ("llama", "llama", True), ("llama", "llama-3", False),
     ("llama-3*", "llama-2*", False), ("*", "qwen", True), ("llama-3*", "llama", False)],
)  # fmt: skip
def test_overlapping_patterns(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


_AMOUNTS = st.decimals(0, 10**6, places=18)


@given(amount=_AMOUNTS, weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=40).filter(any))
def test_parts_sum_to_the_amount_and_lie_within_one_unit(amount: Decimal, weights: list[int]) -> None:
    parts = apportion(amount, weights)
    assert money.total(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * weight / sum(weights)) < UNIT
        assert weight or not part


@pytest.mark.parametrize(
    ("amount", "weights"), [(Decimal(1), [0, 0]), (Decimal(1), [3, -1]), (Decimal("1E-19"), [1]), (Decimal(1), [])]
)
def test_what_cannot_be_split_is_refused(amount: Decimal, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weights|amount"):
        apportion(amount, weights)


_QUANTITIES = st.integers(0, 10**6)
_USAGES = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "input": _QUANTITIES,
            "cache_read": _QUANTITIES,
            "output": _QUANTITIES,
            "audio_second": st.decimals(0, 1000, places=3),
        },
    ),
)


@given(
    bill=_AMOUNTS,
    usages=st.lists(_USAGES, max_size=30),
    speed=st.decimals("0.001", 100_000, places=3),
    weight=st.decimals(0, 20, places=4),
    measured=st.booleans(),
)
def test_an_hour_is_its_calls_and_what_was_idle(
    bill: Decimal, usages: list[Any], speed: Decimal, weight: Decimal, measured: bool
) -> None:
    card = _card(tokens_per_s=Figure(speed, measured), weights={"decode": weight, "audio_second": Decimal("1.5")})
    split = split_hour(bill, [HourCall(usage) for usage in usages], card, HOUR)
    exact = [sum(Fraction(q) * Fraction(card.weight_of(m) or 0) for m, q in (usage or {}).items()) for usage in usages]
    used, capacity = sum(exact), Fraction(card.capacity_per_hour)
    assert (Fraction(split.used), split.capacity) == (used, card.capacity_per_hour)
    known = [cost.usd for cost in split.costs if cost is not None]
    assert money.total([*known, split.idle_usd]) == bill
    assert split.busy_usd == money.total(known)
    assert [cost is None for cost in split.costs] == [not usage for usage in usages]
    for cost, share in zip(split.costs, exact, strict=True):
        if cost is not None:
            assert abs(Fraction(cost.usd) - Fraction(bill) * share / max(used, capacity)) < UNIT
            assert cost.state == ("priced" if measured or used >= capacity else "estimated")
    assert abs(Fraction(split.idle_usd) - Fraction(bill) * max(capacity - used, 0) / max(used, capacity)) < UNIT
    if used >= capacity:
        assert split.idle_usd == 0
    _assert_the_card_tells_the_shares(split, usages)


def _assert_the_card_tells_the_shares(split: HourSplit, usages: list[Any]) -> None:
    for usage, cost in zip(usages, split.costs, strict=True):
        if usage and cost is not None:
            rated = rate_usage(usage, split.card)
            assert rated.amount is not None
            assert abs(Fraction(rated.amount) - Fraction(cost.usd)) < UNIT * (1 + len(usage))


def test_a_call_keeps_what_else_is_said_of_it() -> None:
    calls = [HourCall({"input": 10}, incomplete=True), HourCall({"input": 10, "web_search": 1}), HourCall({"web_search": 0})]
    split = split_hour(Decimal(5), calls, _card(), HOUR)
    assert [cost.state for cost in split.costs if cost] == ["estimated", "partial", "priced"]
    assert split.costs[1] is not None
    assert split.costs[1].reason == "self-hosted llama-3* has no weight for web_search"


def test_an_hour_without_calls_is_idle() -> None:
    split = split_hour(Decimal("9.96"), [], _card(), HOUR)
    assert (split.idle_usd, split.busy_usd, split.used) == (Decimal("9.96"), 0, 0)
    with pytest.raises(ValueError, match="usd: -1"):
        split_hour(Decimal(-1), [], _card(), HOUR)


def test_a_hundred_thousand_calls_take_well_under_a_second() -> None:
    calls = [HourCall({"input": n % 4001, "cache_read": n % 977, "output": n % 613 + 1}) for n in range(100_000)]
    began = time.process_time()
    split = split_hour(Decimal("19.92"), calls, _card(), HOUR)
    assert time.process_time() - began < 1
    assert money.total([*(cost.usd for cost in split.costs if cost), split.idle_usd]) == Decimal("19.92")
