"""Fetch a price table: not for too long, not too much, and not again when it has not changed."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from tokenbudget.core.errors import PriceError

SECONDS = 30
LARGEST_BYTES = 16 << 20
_OK, _NOT_MODIFIED = 200, 304


class Downloaded(NamedTuple):
    """A table as it came, and its tag."""

    content: bytes
    etag: str | None


def shown(url: str) -> str:
    """Return an address as people may see it: without password and parameters.

    Examples
    --------
    >>> shown("https://user:secret@prices.example/table.json?token=1")
    'https://prices.example/table.json'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


async def download(
    url: str, etag: str | None = None, *, seconds: float = SECONDS, largest: int = LARGEST_BYTES
) -> Downloaded | None:
    """Fetch a table; None when it is still the one of `etag`.

    Redirections are not followed: the address is the one that was configured.

    Raises
    ------
    PriceError
        If it does not come whole, in time and in size.
    """
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds) as client:
            headers = {"If-None-Match": etag} if etag else {}
            async with client.stream("GET", url, headers=headers) as answer:
                return await _read(url, answer, largest)
    except (httpx.HTTPError, TimeoutError) as error:
        reason = str(error) or f"no answer within {seconds:g} seconds"
        raise PriceError(f"cannot fetch prices from {shown(url)}: {reason}; nothing was changed") from error


async def _read(url: str, answer: httpx.Response, largest: int) -> Downloaded | None:
    if answer.status_code == _NOT_MODIFIED:
        return None
    if answer.status_code != _OK:
        raise PriceError(f"{shown(url)} answered {answer.status_code} instead of a price table; nothing was changed")
    content = bytearray()
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > largest:
            raise PriceError(f"{shown(url)} is larger than {largest >> 20} MiB, no price table; nothing was changed")
    return Downloaded(bytes(content), answer.headers.get("etag"))
