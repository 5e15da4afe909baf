"""Who asks: the key a request came with, and what it may do."""

from __future__ import annotations

import msgspec


class Principal(msgspec.Struct, frozen=True):
    """The holder of a verified API key.

    Attributes
    ----------
    api_key_id, project_id, user_id : int
        The key, the project that what it sends belongs to, the account that owns it.
    is_admin : bool
        Whether the account sees and manages all projects; others see the key's own.
    """

    api_key_id: int
    project_id: int
    user_id: int
    is_admin: bool
