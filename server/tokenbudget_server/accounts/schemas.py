"""What is sent and answered about projects and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec


class Project(msgspec.Struct, frozen=True):
    """A project: what events, keys and budgets belong to."""

    id: int
    name: str
    is_demo: bool
    created_at: datetime


class Key(msgspec.Struct, frozen=True):
    """A key as it is listed; its text is not kept.

    Attributes
    ----------
    hint : str
        How the key begins, to tell it from others.
    project_id, project : int and str, or None
        Where its events go.
    """

    id: int
    name: str
    hint: str
    project_id: int | None
    project: str | None
    created_at: datetime
    revoked_at: datetime | None = None


class KeyRequest(msgspec.Struct, frozen=True):
    """A key to be made."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class KeyWithText(msgspec.Struct, frozen=True):
    """A key just made; `text` is shown this once."""

    key: Key
    text: str
