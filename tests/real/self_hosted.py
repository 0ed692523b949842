"""The price of tokens that a machine of one's own writes: from the price of its hour and its measured speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costspan import money
from costspan.pricing import Cost, Rate, RateCard, rate_usage

_MILLION = 1_000_000


@dataclass(frozen=True)
class SelfHosted:
    """A rate card, and line by line how it came about."""

    card: RateCard
    arithmetic: tuple[str, ...]


def one_at_a_time(rows: Sequence[Any]) -> list[Any]:
    """The plain calls of the sync client: their times hold no waiting for another call, and their usage is known."""
    return [row for row in rows if row["tags"]["client"] == "sync" and not row["streamed"]]


def tokens_per_s(rows: Sequence[Any]) -> tuple[int, Decimal, Decimal]:
    """(output tokens, seconds, tokens per second to two decimals) of ``rows``, the time of reading the prompts included."""
    tokens = sum(row["output_tokens"] for row in rows)
    seconds = sum((Decimal(row["duration_ms"]) for row in rows), Decimal(0)) / 1000
    return tokens, seconds, (tokens / seconds).quantize(Decimal("0.01"))


def self_hosted(model: str, rows: Sequence[Any], usd_per_hour: Decimal) -> SelfHosted:
    """The price at which the tokens written carry the machine's time, whole: reading the prompt is in that time."""
    tokens, seconds, speed = tokens_per_s(rows)
    price = (usd_per_hour * _MILLION / 3600 / speed).quantize(Decimal("0.000001"))
    card = RateCard(
        provider="self-hosted",
        model=model,
        rates={"input": Rate(money.ZERO, _MILLION), "output": Rate(price, _MILLION)},
        rule="a machine's hour over what it writes in an hour",
        source="measured",
    )
    arithmetic = (
        f"{tokens} tokens written in {seconds:.3f} s by {len(rows)} plain calls made one at a time = {speed} tokens/s",
        f"${usd_per_hour} an hour / 3600 s / {speed} tokens/s = ${price} per {_MILLION} output tokens; input is in that time: $0",
    )
    return SelfHosted(card, arithmetic)


def cost_of(rows: Sequence[Any], card: RateCard) -> Cost:
    """What the calls of ``rows`` whose usage is known cost together, rated by ``card``."""
    known = [row["usage"] for row in rows if row["usage"]]
    meters = sorted({meter for usage in known for meter in usage})
    return rate_usage({meter: sum(usage.get(meter, 0) for usage in known) for meter in meters}, card)


def arithmetic_of(name: str, rows: Sequence[Any], card: RateCard) -> list[str]:
    """The lines that add up to the cost of ``rows``."""
    cost = cost_of(rows, card)
    assert cost.amount is not None, cost.reason
    lines = []
    for item in cost.items:
        rate = f"${money.text(item.unit_price)} / {item.per}"
        lines.append(f"{name}: {item.quantity} {item.meter} tokens x {rate} = ${money.text(item.amount)}")
    unknown = sum(1 for row in rows if not row["usage"])
    return [*lines, f"{name}: together ${money.text(cost.amount)}, and {unknown} calls without usage"]
