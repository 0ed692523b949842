"""Where the folders that ship with the collector are: in the wheel beside the code, in a checkout at its top."""

from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = {"migrations": "migrations", "dashboards": "dashboards", "data": "examples/data"}


def bundled(name: str) -> Path:
    """The folder ``migrations``, ``dashboards`` or ``data``. Raises FileNotFoundError if the installation lacks it."""
    for folder in (_HERE / "_bundled" / name, _HERE.parents[1] / _CHECKOUT[name]):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"folder {name!r} is missing from the installation of costspan: install it again")
