"""What a route needs of its caller: the one place that decides who may do what.

Each route declares it as the option ``needs``; a route that does not is closed.  What a caller may *see* is decided in
`tokenbudget_server.web.scope`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenbudget_server.accounts.principal import MANAGERS, RIGHTS, Principal, Role
from tokenbudget_server.web.methods import SAFE_METHODS
from tokenbudget_server.web.problems import ProblemError

OPEN = "nothing"
"""Anybody may, without a credential."""
ANY_CREDENTIAL = "any credential"
"""Whoever has one, whatever it is for: what is told is about the caller, or the caller's own."""
ADMIN_KEY = "admin key"
"""Who runs the installation, by the header ``X-Admin-Key``."""
MANAGE = "owner or admin"
"""An owner or an admin of the organisation, by a session or a key with the scope ``admin``."""
MANAGE_TEAM = "owner or admin of a team"
"""The same of one of its teams, at least: of which, the scope says (`Scope.check_manages`)."""
NEEDS = frozenset({OPEN, ANY_CREDENTIAL, ADMIN_KEY, MANAGE, MANAGE_TEAM, *RIGHTS})
"""What a route may need: one of these, or one of the rights."""

_OF_KEYS_PROJECT = frozenset({"ingest", "import"})
"""What is written goes to the project of the key."""


def needs_of(options: Mapping[str, Any]) -> str | None:
    """Return what a route needs, by its options; None where nobody said."""
    needs: str | None = options.get("needs")
    return needs


def required_right(options: Mapping[str, Any]) -> str | None:
    """Return the scope that a key must have for a route; None where it needs none."""
    needs = needs_of(options)
    if needs in (MANAGE, MANAGE_TEAM):
        return "admin"
    return needs if needs in RIGHTS else None


def is_allowed(principal: Principal, method: str, needs: str | None) -> bool:
    """Whether a principal may call a route."""
    if needs in (OPEN, ANY_CREDENTIAL):
        return True
    if needs == MANAGE:
        return principal.role in MANAGERS and principal.acts_for_user
    if needs == MANAGE_TEAM:
        return principal.manages_a_team and principal.acts_for_user
    if method not in SAFE_METHODS and _is_viewer(principal, needs):
        return False
    return needs in principal.rights


def _is_viewer(principal: Principal, needs: str | None) -> bool:
    """Whether a principal writes nothing: of what acts for a user, each project's team decides but for its events."""
    if principal.acts_for_user and needs not in _OF_KEYS_PROJECT:
        return principal.role is Role.VIEWER
    return Role.VIEWER in (principal.role, principal.role_in(principal.credential.team_id))


def authorize(principal: Principal, method: str, options: Mapping[str, Any]) -> None:
    """Let a principal call a route, or refuse.

    Raises
    ------
    ProblemError
        403, which names the scope that is missing, or the role.
    """
    if is_allowed(principal, method, needs_of(options)):
        return
    needs = required_right(options)
    if needs in principal.rights:
        raise ProblemError(403, f"your role, {principal.role}, does not allow it: ask an owner or an admin")
    has = ", ".join(sorted(principal.rights)) or "none"
    raise ProblemError(403, f"this needs a key with the scope {needs}, and yours has {has}: ask with another key")
