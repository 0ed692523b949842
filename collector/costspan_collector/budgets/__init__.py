"""Budget decisions: pure, each with its reason."""
