"""Make the virtual environment, or say in words why it cannot be made. Runs on the system's Python, without dependencies."""

import subprocess
import sys

LEAST = (3, 11)


def main(folder: str) -> int:
    """Make an environment at ``folder``; 0 when it is there."""
    if sys.version_info < LEAST:
        print(f"costspan needs Python {LEAST[0]}.{LEAST[1]} or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        print("Name another: make PYTHON=python3.12 ...", file=sys.stderr)
        return 2
    made = subprocess.run([sys.executable, "-m", "venv", folder], check=False)
    if made.returncode != 0:
        print("This Python cannot make virtual environments with pip.", file=sys.stderr)
        print("On Debian or Ubuntu: apt-get install python3-venv", file=sys.stderr)
    return made.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
