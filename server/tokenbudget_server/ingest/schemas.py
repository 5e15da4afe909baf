"""What ingest answers."""

from __future__ import annotations

import msgspec


class Rejected(msgspec.Struct, frozen=True):
    """An event that was not stored, and why."""

    index: int
    id: str
    field: str
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of the events of a request; those accepted are committed.

    Attributes
    ----------
    accepted : int
        Stored now.
    duplicates : int
        Stored before: the id arrived again, which changes nothing.
    rejected : list of Rejected
        Not stored; sending them again as they are is useless.
    """

    accepted: int
    duplicates: int
    rejected: list[Rejected]
