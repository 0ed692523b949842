"""The pricing stage: a call as reported becomes a call with its cost."""

from costspan.pricing import Pricer
from costspan_collector.call import Call, PricedCall
from costspan_collector.store.copy_text import timestamp


def price(pricer: Pricer, call: Call) -> PricedCall:
    """``call`` with its cost at its own start. A failed call without usage has no cost and is not unpriced."""
    if call.error_type is not None and not call.usage:
        return PricedCall(call, None)
    cost = pricer.price(
        call.dimensions.provider,
        _priced_model(pricer, call),
        call.usage,
        timestamp(call.start_time_ns // 1000),
        tier=call.tier,
        incomplete=call.incomplete,
    )
    return PricedCall(call, cost)


def _priced_model(pricer: Pricer, call: Call) -> str | None:
    # The response names what was billed; where that name has no price (a deployment's own name), the request's is tried.
    responded, requested = call.response_model, call.request_model
    if responded is None or responded == requested or requested is None:
        return responded or requested
    at = timestamp(call.start_time_ns // 1000)
    return responded if pricer.card(call.dimensions.provider, responded, at, call.tier) is not None else requested
