"""The program ``costspan``."""

import sys


def main() -> None:
    """Run the program. Without the collector's extra it says how to install it and exits with 2."""
    try:
        from costspan_collector.cli.program import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("costspan"):
            raise
        print(f"costspan: {error.name} is missing; install the collector: pip install 'costspan[collector]'", file=sys.stderr)
        sys.exit(2)
    run()
