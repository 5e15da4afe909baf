"""The address that signs a browser in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

_PATIENCE_SECONDS = 10.0


def sign_in_address(api: str, key: str) -> str:
    """Return the dashboard's address with a code that signs in once, within minutes.

    Neither it nor the browser history holds the key.  Where the server gives no code, it is the address alone, and the
    page asks for the key.

    Parameters
    ----------
    api : str
        URL of the server.
    key : str
        A key that acts for its user.
    """
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{api}/api/sessions/codes", b"", headers, method="POST")  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
            return f"{api}/#code={json.load(answer)['code']}"
    except (OSError, ValueError, KeyError):
        return api
