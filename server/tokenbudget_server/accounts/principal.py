"""Who asks: the person behind a request, and what the request came with."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from tokenbudget_server.web.problems import ProblemError

ADMIN = "admin"
"""The scope of a key that acts for its user."""
RIGHTS = frozenset({"ingest", "import", "read", ADMIN})
"""The scopes that a key may have; one with ``admin`` acts for the user who made it."""


class Role(StrEnum):
    """What a member of an organisation or of a team may do there, the most first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


MANAGERS = frozenset({Role.OWNER, Role.ADMIN})
"""Roles that hold in all teams of the organisation."""


class ApiKey(msgspec.Struct, frozen=True, tag="key"):
    """A verified API key.

    Attributes
    ----------
    id : int
        The number that events carry.
    public_id : str
        ``key_…``, by which people name it.
    scopes : frozenset of str
        Of `RIGHTS`.
    expires_at : datetime or None
        When it ends; None is never.
    project_id, team_id : int or None
        The project that its events go to; the team that it is for, which is the project's where it has one.
    """

    id: int
    public_id: str
    scopes: frozenset[str]
    project_id: int | None = None
    team_id: int | None = None
    expires_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, tag="session"):
    """A browser that a user signed in with.

    Attributes
    ----------
    id : str
        ``ses_…``
    scopes : frozenset of str
        All, or those of the key that it began with.
    project_id, team_id : int or None
        What that key is for.
    api_key_id : int or None
        That key's number.
    """

    id: str
    scopes: frozenset[str] = RIGHTS
    project_id: int | None = None
    team_id: int | None = None
    api_key_id: int | None = None


class Sender(NamedTuple):
    """What an event is stored under."""

    api_key_id: int
    project_id: int


class Principal(msgspec.Struct, frozen=True):
    """A user as a member of one organisation, with the credential that proved it.

    Attributes
    ----------
    user_id, organisation_id : int
    role : Role
        In the organisation.
    team_ids : tuple of int
        Teams of the organisation that the user belongs to.
    credential : ApiKey or Session
    team_roles : tuple of Role
        The user's role in each of these teams.
    """

    user_id: int
    organisation_id: int
    role: Role
    team_ids: tuple[int, ...]
    credential: ApiKey | Session
    team_roles: tuple[Role, ...] = ()

    def role_in(self, team_id: int | None) -> Role | None:
        """Return what the user is in a team: managers and viewers of the organisation are that in all of its teams."""
        if self.role in MANAGERS or self.role is Role.VIEWER:
            return self.role
        return dict(zip(self.team_ids, self.team_roles, strict=False)).get(team_id or 0)

    @property
    def manages_a_team(self) -> bool:
        """Whether the user is an owner or an admin, of the organisation or of one of its teams."""
        return self.role in MANAGERS or any(self.role_in(team_id) in MANAGERS for team_id in self.team_ids)

    @property
    def rights(self) -> frozenset[str]:
        """Which of `RIGHTS` the credential has."""
        return self.credential.scopes

    @property
    def api_key_id(self) -> int | None:
        """Number of the API key that the request came with; None for a session."""
        return self.credential.id if isinstance(self.credential, ApiKey) else None

    @property
    def root_key_id(self) -> int | None:
        """Number of the API key that the request's rights come from, also through a session that began with it."""
        key = self.credential
        return key.id if isinstance(key, ApiKey) else key.api_key_id

    def has_expired(self, now: datetime) -> bool:
        """Whether the credential's time is over."""
        key = self.credential
        return isinstance(key, ApiKey) and key.expires_at is not None and key.expires_at <= now

    @property
    def acts_for_user(self) -> bool:
        """Whether the request may do all that the user may, and not only what its key was made for."""
        return ADMIN in self.rights

    def sender(self) -> Sender:
        """Return the key and the project that events of this request belong to.

        Raises
        ------
        ProblemError
            403 if the request came without a key, or with one that has no project.
        """
        key = self.credential
        if isinstance(key, ApiKey) and key.project_id is not None:
            return Sender(key.id, key.project_id)
        raise ProblemError(403, "send events with an API key of the project that they belong to")
