"""Read a request's body, compressed or not, and never more of it than is allowed."""

from __future__ import annotations

import zlib
from typing import Any

from litestar import Request

from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.quotas import Held

LARGEST_BODY = 5 * 2**20
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request[Any, Any, Any], held: Held) -> bytes:
    """Read the body; gzip is undone.

    Parameters
    ----------
    request : Request
    held : Held
        Counts the bytes, as they come and unpacked.

    Raises
    ------
    ProblemError
        413 when it is larger than 5 MiB, as sent or unpacked; 400 when it is not the gzip it claims to be;
        415 when it is compressed in another way; 408 when it does not come in time.
    OverloadedError, TooManyAtOnceError
        When too many bytes are held already.
    """
    parts = []
    async for part in request.stream():  # The route limits what is read.
        held.add(len(part))
        parts.append(part)
    body = b"".join(parts)
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "gzip":
            unpacked = gunzip(body)
            held.add(len(unpacked))
            return unpacked
        case "identity" | "":
            return body
        case other:
            raise ProblemError(415, f"Content-Encoding {other[:32]!r} is not supported: use gzip, or none")


def gunzip(body: bytes, largest: int = LARGEST_BODY) -> bytes:
    """Unpack gzip, stopping where it grows too large.

    Raises
    ------
    ProblemError
        See `read_body`.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(body, largest + 1)
    except zlib.error as error:
        raise ProblemError(400, f"the body is not the gzip that Content-Encoding claims it to be: {error}") from None
    if len(data) > largest:
        raise ProblemError(413, f"the unpacked body is larger than {largest // 2**20} MiB: send fewer events at once")
    if not unpacker.eof:
        raise ProblemError(400, "the gzip body ends too early: send it whole")
    if unpacker.unused_data:
        raise ProblemError(400, "something follows the end of the gzip body: send one gzip member")
    return data
