"""Recorded exchanges with model providers: one JSON object a line, as ``data/NOTICE`` describes them."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

RECORDINGS = Path(__file__).parent / "data" / "recordings.jsonl.gz"


@dataclass(frozen=True, eq=False)
class Case:
    """One recorded exchange. ``usage_raw`` holds the provider's own usage objects and where in the answer they stood."""

    id: str
    source_repo: str
    source_path: str
    provider: str
    host: str
    method: str
    path: str
    query: str
    request_json: Any
    request_beta: str | None
    status: int
    response_headers: dict[str, str]
    response_body: str
    body_encoding: str
    streaming: bool
    api: str
    model_requested: str | None
    model_responded: str | None
    usage_raw: list[dict[str, Any]]
    flags: list[str]

    @cached_property
    def body(self) -> bytes:
        if self.body_encoding == "base64":
            return base64.b64decode(self.response_body)
        return self.response_body.encode("utf-8", "surrogatepass")

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.response_body) if self.body_encoding == "utf-8" else None
        except ValueError:
            return None

    @property
    def request(self) -> dict[str, Any]:
        return self.request_json if isinstance(self.request_json, dict) else {}

    @cached_property
    def plain_path(self) -> str:
        return unquote(self.path)

    def usage_at(self, *places: str) -> Any:
        """The usage object found at the first of ``places`` that holds one, or None."""
        for place in places:
            for entry in self.usage_raw:
                if entry["where"] == place:
                    return entry["usage"]
        return None


def read(path: Path) -> Iterator[Case]:
    """The cases of a file of recordings, gzipped or plain."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Case(**json.loads(line))
