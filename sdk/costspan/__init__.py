"""costspan: what each feature's model calls cost, how fast and how right they are.

``costspan.init()`` is the one line that an application needs; ``docs/`` says the rest.
"""

from costspan._checks import Output
from costspan._context import attribute, feature
from costspan._headers import extract, inject
from costspan._labels import check, handle, label
from costspan._runtime import flush, init, shutdown, stats, uninstrument

__all__ = [
    "Output",
    "attribute",
    "check",
    "extract",
    "feature",
    "flush",
    "handle",
    "init",
    "inject",
    "label",
    "shutdown",
    "stats",
    "uninstrument",
]
