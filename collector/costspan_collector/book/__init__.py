"""What a batch changes, as deltas. Pure."""
