"""Pricing: pure, exact, offline. Shared by the SDK and the collector."""

from costspan.pricing.book import PriceBook
from costspan.pricing.card import COST_STATES, Cost, CostState, LineItem, RateCard, rate_usage
from costspan.pricing.lines import Rate
from costspan.pricing.naming import PROVIDERS
from costspan.pricing.pricer import Pricer

__all__ = [
    "COST_STATES",
    "PROVIDERS",
    "Cost",
    "CostState",
    "LineItem",
    "PriceBook",
    "Pricer",
    "Rate",
    "RateCard",
    "rate_usage",
]
