"""The price book of a collector: the catalogue's making, what a project adds to it, and what follows from a change."""
