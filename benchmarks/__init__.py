"""What costspan promises in figures, measured. Nothing here is part of the distribution."""
