"""Changing only what one has seen: each resource has an ETag, and a change may name it in ``If-Match``."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, TypeVar

import msgspec
from litestar import Response
from litestar.params import Parameter

from tokenbudget_server.web.problems import ProblemError

IfMatch = Annotated[
    str | None,
    Parameter(header="If-Match", description="ETag of what is to be changed: 412 if it is another one by now"),
]
Shown = TypeVar("Shown", bound=msgspec.Struct)


def etag_of(shown: msgspec.Struct) -> str:
    """Return the name of a resource's present state."""
    return f'"{sha256(msgspec.json.encode(shown)).hexdigest()[:32]}"'


def with_etag(shown: Shown, status_code: int = 200) -> Response[Shown]:
    """Answer with a resource and its ETag."""
    headers = {"ETag": etag_of(shown), "Cache-Control": "private, no-cache"}
    return Response(shown, status_code=status_code, headers=headers)


def check_match(if_match: str | None, shown: msgspec.Struct) -> None:
    """Refuse a change of what is no longer as its requester saw it; in the transaction that changes it.

    Raises
    ------
    ProblemError
        412.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if etag_of(shown) not in [each.strip() for each in if_match.split(",")]:
        raise ProblemError(412, "it was changed since you got it: get it again, and see whether you still want this")
