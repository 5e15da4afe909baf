"""The headers that every answer has, whichever route it is of, errors included: what a browser may do with it."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.types import HTTPScope

from tokenbudget_server.web.cors import Headers

PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What pages may load: scripts from files of this server alone, never from text inside of a page."""
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of whatever is no page, should it be opened as one."""
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = b"content-security-policy"
_OF_PAGES = (*_ALWAYS, (_POLICY, PAGE_POLICY.encode()), (b"cache-control", b"no-store"))
_OF_DATA = (*_ALWAYS, (_POLICY, DATA_POLICY.encode()), (b"cache-control", b"no-store"))
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")


def complete(headers: Iterable[tuple[bytes, bytes]], scope: HTTPScope) -> Headers:
    """Add to an answer's headers what it has not itself.

    An answer that says nothing of caches is kept by none: it may hold a secret, and tells what is true now.
    """
    found = [(name.lower(), value) for name, value in headers]
    given = dict(found)
    if allowed := given.get(b"allow"):
        found = [(name, value) for name, value in found if name != b"allow"] + [(b"allow", _with_head(allowed))]
    is_page = given.get(b"content-type", b"").startswith(b"text/html")
    found += [header for header in (_OF_PAGES if is_page else _OF_DATA) if header[0] not in given]
    if _is_tls(scope):
        found.append(_TLS_ONLY)
    return found


def _with_head(allowed: bytes) -> bytes:
    """Name HEAD beside GET, as it works wherever GET does."""
    methods = {method.strip().decode("latin-1") for method in allowed.split(b",")}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))).encode("latin-1")


def _is_tls(scope: HTTPScope) -> bool:
    """Return whether the client came by TLS; what it says itself of a proxy binds nobody but itself."""
    return scope["scheme"] == "https" or any(
        name == b"x-forwarded-proto" and value.strip().lower() == b"https" for name, value in scope["headers"]
    )
