"""What is sent and answered about projects and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tokenbudget_server.accounts import slugs
from tokenbudget_server.accounts.principal import Role
from tokenbudget_server.web.parameters import LARGEST_ID

Right = Literal["ingest", "import", "read", "admin"]
"""A scope of a key: of `tokenbudget_server.accounts.principal.RIGHTS`."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project: what events, keys and budgets belong to.

    Attributes
    ----------
    slug : str
        Its name for addresses, made once of `name`.
    colour : str
        ``#rrggbb``, or nothing.
    archived_at : datetime or None
        Since when lists leave it out; it still takes events.
    """

    id: int
    name: str
    slug: str
    team_id: int
    colour: str
    description: str
    is_demo: bool
    created_at: datetime
    archived_at: datetime | None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed; its text is not kept.

    Attributes
    ----------
    id : int
        The number that events carry.
    public_id : str
        ``key_…``, by which it is named to people and in the audit log.
    hint, ending : str
        How the key begins and ends, to tell it from others; the end is null of a key that is older than this field.
    project_id, project : int and str, or None
        Where its events go.
    created_by : str
        Email of who made it.
    scopes : list of str
        What it is for; one with ``admin`` does all that its maker may.
    last_used_at : datetime or None
        To the minute.
    """

    id: int
    public_id: str
    name: str
    hint: str
    ending: str | None
    project_id: int | None
    project: str | None
    created_by: str
    scopes: list[Right]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made: for an application that sends events, unless `scopes` says otherwise.

    Attributes
    ----------
    scopes : tuple of str
        No more than the maker's credential has.
    expires_at : datetime, optional
        With an offset from UTC, and in the future; never when left out.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern="^[^\0]*$")]
    scopes: Annotated[tuple[Right, ...], msgspec.Meta(min_length=1, max_length=4)] = ("ingest",)
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class KeyWithText(msgspec.Struct, frozen=True):
    """A key just made; `text` is shown this once."""

    key: Key
    text: str


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a session begins: by an API key, by email and password, or by a code that `tokenbudget up` printed."""

    api_key: str | None = None
    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    password: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    code: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class SessionToken(msgspec.Struct, frozen=True, kw_only=True):
    """A session just begun without a cookie; its token is shown this once.

    Attributes
    ----------
    id : str
        Names the session in the list of them.
    token : str
        ``tb_st_…``, for ``Authorization: Bearer``.
    """

    id: str
    token: str
    expires_at: datetime


class SignInCode(msgspec.Struct, frozen=True):
    """What begins one session, as whoever made it."""

    code: str
    expires_at: datetime


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is listed."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    address: str | None
    user_agent: str | None
    is_current: bool


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the server sees it.

    Attributes
    ----------
    role : str
        In the organisation.
    rights : list of str
        What the credential is for.
    credential : str
        ``key`` or ``session``.
    """

    email: str
    name: str
    organisation: str
    role: str
    rights: list[Right]
    credential: Literal["key", "session"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user, as a member of the organisation since `created_at`."""

    id: int
    email: str
    name: str
    role: Role
    created_at: datetime


class MemberRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member to be.

    Attributes
    ----------
    name : str, optional
        What stands before the ``@`` when left out.
    password : str, optional
        12 characters or more, and 72 bytes or fewer.
    """

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=320)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern="^[^\0]*$")] | None = None
    role: Role = Role.MEMBER
    password: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class RoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a member gets."""

    role: Role


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, and the one that it replaces, if there is one."""

    password: Annotated[str, msgspec.Meta(max_length=1000)]
    current: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """A route of the API, and whether the caller may call it; what it may be called *on* is another question."""

    method: str
    path: str
    allowed: bool


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """An act, as the audit log has it.

    Attributes
    ----------
    actor_kind, actor_id : str
        As `tokenbudget_server.web.scope.Actor` names them.
    user_id : int or None
        Whose key or session it was.
    before, after
        What changed, secrets masked.
    """

    id: int
    at: datetime
    actor_kind: str
    actor_id: str | None
    user_id: int | None
    address: str | None
    action: str
    target_kind: str
    target_id: str
    before: Any
    after: Any


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern="^[^\0]*$")]
_Slug = Annotated[str, msgspec.Meta(max_length=slugs.LONGEST, pattern=slugs.PATTERN)]
_Colour = Annotated[str, msgspec.Meta(pattern="^(#[0-9a-f]{6})?$")]
_Description = Annotated[str, msgspec.Meta(max_length=2_000, pattern="^[^\0]*$")]
_Number = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]


class Team(msgspec.Struct, frozen=True):
    """A team: who belongs to it sees its projects."""

    id: int
    name: str
    created_at: datetime


class TeamRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A team's name."""

    name: _Name


class TeamMember(msgspec.Struct, frozen=True, kw_only=True):
    """A user as a member of a team."""

    user_id: int
    email: str
    name: str
    role: Role


class ProjectRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project to be made, and the team that it is of; the slug is made of the name when left out."""

    name: _Name
    team_id: _Number
    slug: _Slug | None = None
    colour: _Colour = ""
    description: _Description = ""


class ProjectChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a project becomes another; what is left out, or null, stays."""

    name: _Name | None = None
    slug: _Slug | None = None
    team_id: _Number | None = None
    colour: _Colour | None = None
    description: _Description | None = None
    archived: bool | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that nobody accepted yet; its code is not kept.

    Attributes
    ----------
    role : str
        In the organisation.
    team_id, team_role : int and str, or None
        The team that is joined too, and the role there.
    """

    id: str
    email: str
    role: Role
    team_id: int | None
    team_role: Role | None
    created_at: datetime
    expires_at: datetime


class InvitationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be invited, as what, and to which team."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=320)]
    role: Role = Role.MEMBER
    team_id: _Number | None = None
    team_role: Role = Role.MEMBER


class InvitationWithLink(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation just made; `link` and its `code` are shown this once."""

    invitation: Invitation
    code: str
    link: str


class AcceptedInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code of an invitation, and the name and the password of the account that it makes."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    name: _Name
    password: Annotated[str, msgspec.Meta(max_length=1000)]


class RotateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old key goes on, in seconds; a day when left out, a month at most."""

    grace_seconds: Annotated[int, msgspec.Meta(ge=0, le=31 * 86_400)] = 86_400


class RotatedKey(msgspec.Struct, frozen=True):
    """The key that replaces another; `text` is shown once, and null where the same request came before."""

    key: Key
    text: str | None
