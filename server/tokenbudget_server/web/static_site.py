"""The web dashboard at ``/``: files of the build, and its page for every path that is not a file."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from functools import lru_cache
from gzip import compress
from pathlib import Path
from typing import Any

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException

from tokenbudget_server.web.authorization import OPEN
from tokenbudget_server.web.features import Feature
from tokenbudget_server.web.problems import ProblemError

STATIC = Path(__file__).parents[1] / "static"
_METHODS = list(HttpMethod)
"""All: an unknown path is 404 for each, and a page answers 405 with ``Allow``."""
_ALLOWED = {"Allow": "GET, HEAD, OPTIONS"}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
_NOT_PAGES = ("api/", "v1/", "assets/", "schema/")
_LARGEST_CACHED = 256
_SMALLEST_COMPRESSED = 1_000
_COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")

NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TokenBudget</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 42rem; margin: 12vh auto; padding: 0 1.5rem }
  h1 { font-size: 1.4rem }
  pre { padding: .75rem 1rem; border: 1px solid #8884; border-radius: .5rem; overflow: auto }
</style>
<h1>TokenBudget is running</h1>
<p>The web dashboard is not part of this installation: it has not been built. In a checkout, build it with</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>and load this page again. The API works without it: <a href="/schema">see what it answers</a>, or ask from a
notebook with <code>tb.summary()</code>.</p>
</html>
"""


def make_site(root: Path = STATIC) -> Callable[..., Any]:
    """Make the handler that serves the build in `root`."""
    load = lru_cache(_LARGEST_CACHED)(_load)

    @route(
        ["/", "/{path:path}"],
        http_method=_METHODS,
        needs=OPEN,
        status_code=200,
        include_in_schema=False,
        sync_to_thread=False,
    )
    def get_site(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Serve a file of the build, or the dashboard's page where the dashboard routes by itself."""
        path = str(request.path_params.get("path", "")).lstrip("/")
        index = root / "index.html"
        file = _file(root, path)
        if file is None and path.startswith(_NOT_PAGES):
            raise NotFoundException(f"there is nothing at /{path}")
        if request.method != HttpMethod.GET:
            raise ProblemError(405, "pages are only read: GET", headers=_ALLOWED)
        if file is None and not index.is_file():
            return Response(NOT_BUILT.encode(), media_type="text/html", headers={"Cache-Control": _ASK_EACH_TIME})
        file = file or index
        return _answer(request, load(file, file.stat().st_mtime_ns), path)

    return get_site


def feature() -> Feature:
    """Make the dashboard's files a feature."""
    return Feature(name="dashboard", routes=[make_site()])


class _File:
    """A file ready to send, compressed once."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        small = len(self.content) < _SMALLEST_COMPRESSED or not self.media_type.startswith(_COMPRESSIBLE)
        self.compressed = None if small else compress(self.content, 6, mtime=0)


def _load(path: Path, changed: int) -> _File:
    del changed  # Only so that a new build is read anew.
    return _File(path)


def _file(root: Path, path: str) -> Path | None:
    """Find a file of the build; nothing outside of it, whatever the path."""
    try:
        found = (root / path).resolve()
        return found if found.is_relative_to(root.resolve()) and found.is_file() else None
    except (OSError, ValueError):  # No file has such a name: it is too long, or holds a U+0000.
        return None


def _answer(request: Request[Any, Any, Any], file: _File, path: str) -> Response[bytes]:
    # The names of assets change with their content; all else is asked for again each time.
    headers = {
        "Cache-Control": _FOREVER if path.startswith("assets/") else _ASK_EACH_TIME,
        "Vary": "Accept-Encoding",
    }
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
