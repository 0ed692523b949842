"""Real local servers that stand in for a model provider and for the collector."""
