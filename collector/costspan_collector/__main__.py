"""``python -m costspan_collector`` is the program ``costspan``."""

from costspan_collector.cli import main

main()
