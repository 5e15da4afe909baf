"""``tokenbudget keys``, ``projects``, ``teams`` and ``users``: what the server's owner does without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokenbudget import config
from tokenbudget.core.formatting import plural

if TYPE_CHECKING:
    from tokenbudget.client.accounts import AccountsClient

_SCOPES = click.Choice(["ingest", "import", "read", "admin"])
_ROLES = click.Choice(["owner", "admin", "member", "viewer"])
_LARGEST_FILE = 10 * 1024 * 1024


@click.group()
def keys() -> None:
    """Manage API keys: what applications send their events with."""


@keys.command("list")
def list_keys() -> None:
    """List the keys that you may manage, newest first."""
    for key in _client().rows("/api/keys"):
        state = "revoked" if key["revoked_at"] else f"used {key['last_used_at'] or 'never'}"
        scopes = ",".join(key["scopes"])
        click.echo(f"{key['public_id']}  {_hint(key)}  {key['project'] or '–'}  {scopes}  {state}  {key['name']}")


@keys.command("create")
@click.argument("name")
@click.option("--project", help="Its project, by name.  [default: the only one]")
@click.option(
    "--scope", "scopes", type=_SCOPES, multiple=True, help="What it is for; may be repeated.  [default: ingest]"
)
@click.option("--days", type=click.IntRange(1), help="Days until it ends.  [default: never]")
def create_key(*, name: str, project: str | None, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key called NAME for an application, and print it: it is shown this once."""
    client = _client()
    asked: dict[str, Any] = {"name": name, "scopes": scopes or ("ingest",)}
    if days is not None:
        asked["expires_at"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    made = client.create(f"/api/projects/{_named(client, 'project', project)}/keys", asked)
    click.echo(made["text"])


@keys.command("revoke")
@click.argument("key")
def revoke_key(key: str) -> None:
    """Revoke KEY, named by its id `key_…` or its number: it is refused everywhere from now on."""
    _client().delete(f"/api/keys/{key}")
    click.echo(f"Revoked {key}.")


@keys.command("rotate")
@click.argument("key")
@click.option("--grace-hours", type=click.IntRange(0, 744), default=24, show_default=True, help="The old one goes on.")
def rotate_key(*, key: str, grace_hours: int) -> None:
    """Make a key in place of KEY, named by its id `key_…` or its number, and print it: it is shown this once."""
    made = _client().create(f"/api/keys/{key}/rotate", {"grace_seconds": grace_hours * 3600})
    click.echo(made["text"])
    click.echo(f"{key} goes on for {plural(grace_hours, 'hour')}; this one is {made['key']['public_id']}.", err=True)


@keys.command("scan")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def scan(path: Path) -> None:
    """Look for keys in the files of PATH; ends with 1 if there are any.

    Asks no server.  For other scanners, a key is what the expression tb_ak_[0-9a-f]{32} finds.
    """
    found = 0
    for file, line, hint in _leaks(path):
        found += 1
        click.echo(f"{file}:{line}: {hint}…")
    if found:
        raise click.ClickException(f"{plural(found, 'key')} found: revoke what is not meant to be there")


@click.group()
def projects() -> None:
    """Manage projects: what events and keys belong to."""


@projects.command("list")
@click.option("--archived", is_flag=True, help="Those that are archived too.")
def list_projects(*, archived: bool) -> None:
    """List the projects that you may see, by name."""
    for project in _client().rows(f"/api/projects{'?archived=true' if archived else ''}"):
        ending = "  archived" if project["archived_at"] else ""
        click.echo(f"{project['id']}  {project['slug']}  {project['name']}{ending}")


@projects.command("create")
@click.argument("name")
@click.option("--team", help="Its team, by name.  [default: the only one]")
@click.option("--description", default="", help="What it is for.")
def create_project(*, name: str, team: str | None, description: str) -> None:
    """Make a project called NAME."""
    client = _client()
    asked = {"name": name, "team_id": _named(client, "team", team), "description": description}
    made = client.create("/api/projects", asked)
    click.echo(f"Made project {made['id']}, {made['slug']}.")


@projects.command("archive")
@click.argument("name")
def archive_project(name: str) -> None:
    """Archive the project called NAME: lists leave it out, and it still takes events."""
    client = _client()
    client.delete(f"/api/projects/{_named(client, 'project', name)}")
    click.echo(f"Archived {name}.")


@click.group()
def teams() -> None:
    """Manage teams: who belongs to one sees its projects."""


@teams.command("list")
def list_teams() -> None:
    """List the teams that you see."""
    for team in _client().rows("/api/teams"):
        click.echo(f"{team['id']}  {team['name']}")


@teams.command("create")
@click.argument("name")
def create_team(name: str) -> None:
    """Make a team called NAME."""
    made = _client().create("/api/teams", {"name": name})
    click.echo(f"Made team {made['id']}, {made['name']}.")


@teams.command("members")
@click.argument("name")
def list_team_members(name: str) -> None:
    """List who belongs to the team called NAME."""
    client = _client()
    for user in client.rows(f"/api/teams/{_named(client, 'team', name)}/members"):
        click.echo(f"{user['user_id']}  {user['email']}  {user['role']}  {user['name']}")


@teams.command("add")
@click.argument("name")
@click.argument("user", type=int)
@click.option("--role", type=_ROLES, default="member", show_default=True)
def add_to_team(*, name: str, user: int, role: str) -> None:
    """Have USER, named by number, join the team called NAME, or give one another role there."""
    client = _client()
    client.put(f"/api/teams/{_named(client, 'team', name)}/members/{user}", {"role": role})
    click.echo(f"User {user} is {role} of {name} now.")


@teams.command("remove")
@click.argument("name")
@click.argument("user", type=int)
def remove_from_team(name: str, user: int) -> None:
    """Have USER, named by number, leave the team called NAME."""
    client = _client()
    client.delete(f"/api/teams/{_named(client, 'team', name)}/members/{user}")
    click.echo(f"User {user} is no member of {name} any longer.")


@click.group()
def users() -> None:
    """Manage users: the members of your organisation."""


@users.command("list")
def list_users() -> None:
    """List the members of your organisation."""
    for user in _client().rows("/api/users"):
        click.echo(f"{user['id']}  {user['email']}  {user['role']}  {user['name']}")


@users.command("create")
@click.argument("email")
@click.option("--name", help="[default: what stands before the @]")
@click.option("--role", type=_ROLES, default="member", show_default=True)
@click.option("--password/--no-password", "asks", default=True, help="Ask for a password to sign in with.")
def create_user(*, email: str, name: str | None, role: str, asks: bool) -> None:
    """Make the owner of EMAIL a member of your organisation."""
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if asks else None
    asked = {"email": email, "name": name, "role": role, "password": password}
    made = _client().create("/api/users", {name: value for name, value in asked.items() if value is not None})
    click.echo(f"{made['email']} is {made['role']} now, as user {made['id']}.")


@users.command("role")
@click.argument("user", type=int)
@click.argument("role", type=_ROLES)
def set_role(user: int, role: str) -> None:
    """Give USER, named by number, another ROLE."""
    changed = _client().change(f"/api/users/{user}", {"role": role})
    click.echo(f"{changed['email']} is {changed['role']} now.")


@users.command("remove")
@click.argument("user", type=int)
def remove_user(user: int) -> None:
    """End the membership of USER, named by number; keys and sessions of theirs are refused from now on."""
    _client().delete(f"/api/users/{user}")
    click.echo(f"User {user} is no member any longer.")


def _client() -> AccountsClient:
    from tokenbudget.client.accounts import AccountsClient

    settings = config.current()
    if not settings.url:
        raise click.ClickException(
            "there is no server: set TOKENBUDGET_URL and TOKENBUDGET_API_KEY, or `tokenbudget up`"
        )
    return AccountsClient(settings.url, settings.api_key)


def _named(client: AccountsClient, kind: str, name: str | None) -> int:
    """Return the number of a project or a team; the only one where no name is given."""
    found = [each for each in client.rows(f"/api/{kind}s") if name in (None, each["name"])]
    if len(found) == 1:
        return int(found[0]["id"])
    known = "there is none of that name" if name else f"name one of several with --{kind}"
    raise click.ClickException(f"which {kind}? {known}; `tokenbudget {kind}s list` lists them")


def _hint(key: dict[str, Any]) -> str:
    return f"{key['hint']}…{key['ending'] or ''}"


def _leaks(path: Path) -> Iterator[tuple[Path, int, str]]:
    """Find keys in files: where they stand, and how they begin."""
    import re

    pattern = re.compile(rb"tb_ak_[0-9a-f]{32}(?![0-9a-f])")
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if ".git" not in each.parts)
    for file in files:
        try:
            content = file.read_bytes() if file.is_file() and file.stat().st_size <= _LARGEST_FILE else b""
        except OSError:
            continue
        for match in pattern.finditer(content):
            yield file, content.count(b"\n", 0, match.start()) + 1, match[0][:14].decode()
