"""The pricing stage: a call as reported becomes a call with its cost."""

from costspan.pricing import Pricer
from costspan_collector import times
from costspan_collector.call import Call, PricedCall


def price(pricer: Pricer, call: Call, price_version: int = 0) -> PricedCall:
    """``call`` with its cost at its own start, by the prices of ``price_version``.

    A failed call without usage has no cost and is not unpriced.
    """
    if call.error_type is not None and not call.usage:
        return PricedCall(call, None, price_version)
    cost = pricer.price(
        call.dimensions.provider,
        call.response_model,
        call.usage,
        times.at(call.start_time_ns // 1000),
        requested_model=call.request_model,
        tier=call.tier,
        conditions={"region": call.region, **call.conditions} if call.region else call.conditions,
        incomplete=call.incomplete,
        operation=call.dimensions.operation,
        charged_usd=call.charged_usd,
    )
    return PricedCall(call, cost, price_version)
