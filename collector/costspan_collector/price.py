"""The pricing stage: a call as reported becomes a call with its cost."""

from collections.abc import Mapping

from costspan.pricing import Pricer
from costspan_collector import times
from costspan_collector.book.contracts import CONDITION, Contracts
from costspan_collector.call import Call, PricedCall

_NO_CONTRACTS = Contracts(())


def price(pricer: Pricer, call: Call, price_version: int = 0, contracts: Contracts = _NO_CONTRACTS) -> PricedCall:
    """``call`` with its cost at its own start, by the prices of ``price_version`` and the contract that it falls under.

    A failed call without usage has no cost and is not unpriced.
    """
    if call.error_type is not None and not call.usage:
        return PricedCall(call, None, price_version)
    when = times.at(call.start_time_ns // 1000)
    cost = pricer.price(
        call.dimensions.provider,
        call.response_model,
        call.usage,
        when,
        requested_model=call.request_model,
        tier=call.tier,
        conditions=_conditions(call, contracts.of(call.dimensions, when)),
        incomplete=call.incomplete,
        operation=call.dimensions.operation,
        charged_usd=call.charged_usd,
    )
    return PricedCall(call, cost, price_version)


def _conditions(call: Call, contract: str | None) -> Mapping[str, str]:
    if call.region is None and contract is None:
        return call.conditions
    stated = {"region": call.region, CONDITION: contract}
    return {**{name: value for name, value in stated.items() if value is not None}, **call.conditions}
