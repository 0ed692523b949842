"""The form of a spooled batch on disk: its file's name and its bytes. Pure.

A file is ``costspan-spool 1 <sha256 of the rest>``, a line of JSON (endpoint, path, count), and the body of the request
as it was first sent. Another form gets another suffix, so that an older SDK leaves the files of a newer one alone.
"""

import hashlib
import json
import re
from typing import NamedTuple

from costspan._export import LOGS_PATH, TRACES_PATH, Batch

_MAGIC = b"costspan-spool 1 "
_SUFFIX = ".v1"
_HALF_WRITTEN = ".tmp"
_NAME = re.compile(
    r"(?P<collector>[0-9a-f]{16})-(?P<time_ns>0[0-9]{19})-(?P<owner>[0-9a-f]{32})-(?P<count>[0-9]{1,9})(?P<suffix>\.v1|\.tmp)"
)


class SpoolName(NamedTuple):
    """What a batch's file name says: for which collector, written when, whose it is, and how many items it holds.

    Names of one collector sort by time.
    """

    collector: str
    time_ns: int
    owner: str
    item_count: int

    def complete(self) -> str:
        """The name of the whole file."""
        return f"{self.collector}-{self.time_ns:020d}-{self.owner}-{self.item_count}{_SUFFIX}"

    def half_written(self) -> str:
        """Its name while it is being written."""
        return f"{self.collector}-{self.time_ns:020d}-{self.owner}-{self.item_count}{_HALF_WRITTEN}"


def is_batch(text: str) -> bool:
    """Whether this is the name of a whole or a half-written file of ours, told cheaply: there may be thousands."""
    return text.endswith((_SUFFIX, _HALF_WRITTEN))


def parse_name(text: str) -> SpoolName | None:
    """The name in ``text``, of a whole file or of a half-written one; None for a file that is none of ours."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    return SpoolName(match["collector"], int(match["time_ns"]), match["owner"], int(match["count"]))


def collector_key(endpoint: str, api_key: str | None) -> str:
    """16 hexadecimal digits that stand for a collector and the project that the key names. The key cannot be got back."""
    return hashlib.sha256(f"costspan-spool\n{endpoint}\n{api_key or ''}".encode()).hexdigest()[:16]


def pack(batch: Batch, endpoint: str) -> bytes:
    """The content of the file of ``batch``."""
    header = json.dumps({"endpoint": endpoint, "path": batch.path, "count": batch.count}).encode()
    rest = header + b"\n" + batch.body
    return _MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def unpack(content: bytes, endpoint: str) -> Batch | None:
    """The batch in ``content``. None if that is not exactly what ``pack`` made of a batch for ``endpoint``."""
    first, _, rest = content.partition(b"\n")
    if first != _MAGIC + hashlib.sha256(rest).hexdigest().encode():
        return None
    header, _, body = rest.partition(b"\n")
    try:
        said = json.loads(header)
        path, count = said["path"], said["count"]
        is_ours = said["endpoint"] == endpoint and path in (TRACES_PATH, LOGS_PATH) and type(count) is int and count > 0
    except (ValueError, TypeError, KeyError):
        return None
    return Batch(path, body, count) if is_ours else None
