"""Named SQL statements: one file each, which begins with a sentence that says what it does and whether it may be repeated."""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The text of the statement ``name`` without its opening comment. Raises FileNotFoundError for an unknown name."""
    lines = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()
