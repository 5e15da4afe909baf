"""The HTTP client; importing httpx costs a tenth of a second and more, so only who ships imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenbudget.transport.httpx_compat import http_library

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS = 5.0


def connect(url: str, api_key: str | None, timeout: float) -> httpx.Client:
    """Make a client of the server at `url` whose connections are kept alive.

    Parameters
    ----------
    timeout : float
        Seconds without a byte after which a request has failed.
    """
    from tokenbudget import __version__

    library = http_library()

    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "User-Agent": f"tokenbudget-python/{__version__}",
    }
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    limits = library.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
    client: httpx.Client = library.Client(base_url=url, headers=headers, timeout=limits)
    return client
