"""What is sent and answered about the waitlist."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Note = Annotated[str, msgspec.Meta(max_length=2_000)]


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who would like to hear of the product, and what for."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
    name: _Name | None = None
    note: _Note | None = None


class Joined(msgspec.Struct, frozen=True):
    """The address that is on the waitlist now; whether it was there before is not said."""

    email: str


class Entry(msgspec.Struct, frozen=True):
    """Somebody on the waitlist."""

    id: int
    email: str
    name: str | None
    note: str | None
    created_at: datetime
