"""The network address of a request's client, which limits and the audit log go by.

Behind proxies it is not the address that the connection comes from.  Each proxy appends the address that it was
reached from to ``X-Forwarded-For``, so with n proxies of ours the n-th entry from the right is the client's; what
stands left of it the client may have written itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from litestar import Request

_NETWORK_BITS = 64
_UNKNOWN = "unknown"


def address_of(request: Request[Any, Any, Any]) -> str | None:
    """Return the network address of a request's client, as far as the proxies of the settings are to be believed."""
    peer = request.client.host if request.client else None
    return client_address(peer, request.headers.getall("x-forwarded-for", []), request.app.state.proxies)


def client_address(peer: str | None, forwarded_for: Sequence[str], hops: int) -> str | None:
    """Return the address of the client.

    Parameters
    ----------
    peer : str or None
        Where the connection comes from; None for a Unix socket.
    forwarded_for : sequence of str
        The values of the headers ``X-Forwarded-For``, in their order.
    hops : int
        Proxies of ours that a request passes.

    Examples
    --------
    >>> client_address("10.0.0.1", ["6.6.6.6, 203.0.113.9"], hops=1)
    '203.0.113.9'
    >>> client_address("10.0.0.1", ["6.6.6.6"], hops=0), client_address("10.0.0.1", ["not one"], hops=1)
    ('10.0.0.1', '10.0.0.1')
    """
    entries = [entry.strip() for value in forwarded_for for entry in value.split(",")]
    if hops < 1 or len(entries) < hops:
        return peer
    parsed = _parse(entries[-hops])
    return peer if parsed is None else str(parsed)


def network_of(address: str | None) -> str:
    """Return what counts as one client in limits: an IPv4 address, or an IPv6 network of 64 bits, which one client has.

    Examples
    --------
    >>> network_of("203.0.113.9"), network_of("2001:db8:1:2:3:4:5:6"), network_of("::ffff:203.0.113.9")
    ('203.0.113.9', '2001:db8:1:2::/64', '203.0.113.9')
    """
    parsed = _parse(address or "")
    if parsed is None:
        return _UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, _NETWORK_BITS), strict=False))


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: some append a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed
