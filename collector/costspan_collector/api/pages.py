"""The dashboards at ``/`` and the API's description at ``/docs``: local files only."""

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Request
from fastapi.responses import Response

from costspan_collector.bundled import bundled

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI styles its elements inline.
_DOCS_POLICY = _PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
# The addresses of pages (dashboards/app.js), all drawn by the same file.
_PAGES = frozenset({"", "prices"})
_DOCS = {
    "swagger-ui.css",
    "swagger-ui-bundle.js",
}
_DOCS_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>costspan API</title>
<link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
_DOCS_START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true});
"""


def router() -> APIRouter:
    """The routes of pages; the last one takes every path that no other route has."""
    routes = APIRouter(include_in_schema=False)
    swagger = Path(fastapi_offline.__file__).parent / "static"

    @routes.get("/docs")
    def docs() -> Response:
        return _text(_DOCS_PAGE, "text/html")

    @routes.get("/docs/start.js")
    def docs_start() -> Response:
        return _text(_DOCS_START, "text/javascript")

    @routes.get("/docs/{name}")
    def docs_file(name: str, request: Request) -> Response:
        if name not in _DOCS:
            return Response("Not found", 404)
        return _file(swagger / name, request, _DOCS_POLICY)

    @routes.get("/")
    @routes.get("/{path:path}")
    def page(request: Request, path: str = "") -> Response:
        root = bundled("dashboards")
        target = (root / ("index.html" if path in _PAGES else path)).resolve()
        if not target.is_relative_to(root.resolve()) or not target.is_file() or target.suffix == ".md":
            return Response("Not found", 404, media_type="text/plain")
        return _file(target, request, _PAGE_POLICY)

    return routes


def _text(content: str, media_type: str) -> Response:
    return Response(content, 200, {"Content-Security-Policy": _DOCS_POLICY, **_HEADERS}, media_type=media_type)


def _file(path: Path, request: Request, policy: str) -> Response:
    stat = path.stat()
    content, tag = _content(path, stat.st_mtime_ns, stat.st_size)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": policy, **_HEADERS}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(content, 200, headers, media_type=_media_type(path))


@lru_cache(maxsize=256)
def _content(path: Path, _modified_ns: int, _size: int) -> tuple[bytes, str]:
    content = path.read_bytes()
    return content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _media_type(path: Path) -> str:
    # The platform's own table may call scripts text/plain, which browsers refuse as modules.
    known = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return known.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
