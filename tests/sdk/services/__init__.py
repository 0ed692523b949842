"""Two services for the tests, each a process of its own."""
