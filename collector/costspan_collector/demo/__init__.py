"""``costspan demo``: the main job on one hour of real production traffic, on this machine alone."""
