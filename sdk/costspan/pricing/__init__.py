"""Pricing: pure, exact, offline. Shared by the SDK and the collector."""

from costspan.pricing.card import COST_STATES, Cost, CostState, LineItem, Rate, RateCard, rate_usage
from costspan.pricing.pricer import PROVIDERS, Pricer

__all__ = ["COST_STATES", "PROVIDERS", "Cost", "CostState", "LineItem", "Pricer", "Rate", "RateCard", "rate_usage"]
