"""Make the virtual environment, or say in words why it cannot be made. Runs on the system's Python, without dependencies."""

import subprocess
import sys
from pathlib import Path

LEAST = (3, 11)


def main(folder: str) -> int:
    """Make an environment with pip at ``folder``; 0 when it is there."""
    if sys.version_info < LEAST:
        print(f"costspan needs Python {LEAST[0]}.{LEAST[1]} or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        print("Name another: make PYTHON=python3.12 ...", file=sys.stderr)
        return 2
    if _done("-m", "venv", folder) or _with_the_system_s_pip(folder):
        return 0
    print("This Python can make no virtual environment with pip.", file=sys.stderr)
    print("On Debian or Ubuntu: apt-get install python3-venv", file=sys.stderr)
    return 2


def _with_the_system_s_pip(folder: str) -> bool:
    # Debian packs ensurepip apart from Python; pip itself may be there.
    environment = str(Path(folder, "bin", "python"))
    return _done("-m", "venv", "--clear", "--without-pip", folder) and _done(
        "-m", "pip", "--python", environment, "install", "-q", "pip"
    )


def _done(*arguments: str) -> bool:
    return subprocess.run([sys.executable, *arguments], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
