"""Who asks: the key a request came with, and what it may do."""

from __future__ import annotations

import msgspec

from tokenbudget_server.web.problems import ProblemError


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


def no_such_project(principal: Principal, project_id: int) -> ProblemError:
    """Answer who names a project that they may not see.

    To an admin, who sees all, there is none (404); others are refused alike (403) whether there is one or not.
    """
    if principal.is_admin:
        return ProblemError(404, f"there is no project {project_id}")
    return ProblemError(403, f"there is no project {project_id} that your key may see")
