"""Why what somebody else says that calls cost may differ from our figure. Pure."""

from decimal import Decimal

_SAME = Decimal("0.001")


def likely_cause(smallest_ratio: Decimal | None, largest_ratio: Decimal | None, who: str) -> str:
    """In words, from the smallest and the largest of theirs divided by ours over the calls."""
    if smallest_ratio is None or largest_ratio is None:
        return "ours is nothing: a free model, or a price that is missing"
    if largest_ratio - smallest_ratio <= abs(largest_ratio) * _SAME:
        factor = f"{((smallest_ratio + largest_ratio) / 2).quantize(Decimal('0.0001')).normalize():f}"
        if who == "provider":
            return f"always {factor} × ours: a contract, a discount or a wrong price in the book"
        return f"always {factor} × ours: the emitter's price is another"
    if who == "emitter" and smallest_ratio >= 1:
        return "never below ours, by no constant factor: the emitter may bill cached tokens in full or count some twice"
    if who == "emitter" and largest_ratio <= 1:
        return "never above ours, by no constant factor: the emitter may not know a meter, such as cache writes or reasoning"
    return "by no constant factor: other prices for some meters, or for some of the time"
