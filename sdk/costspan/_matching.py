"""Which request of a client is what: billable, a retrieval of something made before, or no concern of ours."""

from typing import NamedTuple
from urllib.parse import unquote

from costspan._reading import EndpointReader, path_pattern
from costspan.adapters._adapter import Adapter, Request, Retrieval

_LARGEST_CACHE = 1024


class Match(NamedTuple):
    """What a request is: ``reader`` for a billable one, ``retrieval`` for one that brings what was made before.

    ``names`` are the parts of the path that the endpoint names (``{model}``).
    """

    reader: EndpointReader | None
    retrieval: Retrieval | None
    names: dict[str, str]


class Matcher:
    """The endpoints of one adapter, made ready for matching many requests."""

    def __init__(self, adapter: Adapter) -> None:
        self.readers = tuple(EndpointReader(endpoint) for endpoint in adapter.endpoints)
        self._retrievals = tuple((path_pattern(retrieval.path), retrieval) for retrieval in adapter.retrievals)
        self._known: dict[tuple[str, str], Match | None] = {}

    def match(self, request: Request) -> Match | None:
        """What ``request`` is, or None."""
        key = (request.method, request.path)
        if key in self._known:
            return self._known[key]
        found = self._find(request.method.lower(), request.path.partition("?")[0])
        if len(self._known) >= _LARGEST_CACHE:
            self._known.clear()
        self._known[key] = found
        return found

    def reader_of_path(self, path: str) -> EndpointReader | None:
        """The reader of the endpoint that posts to ``path``, or None."""
        found = self._find("post", path)
        return None if found is None else found.reader

    def _find(self, method: str, path: str) -> Match | None:
        for reader in self.readers:
            if reader.endpoint.method == method and (named := reader.pattern.search(path)):
                return Match(reader, None, {name: unquote(value) for name, value in named.groupdict().items()})
        for pattern, retrieval in self._retrievals:
            if retrieval.method == method and (named := pattern.search(path)):
                return Match(None, retrieval, named.groupdict())
        return None
