"""``tokenbudget keys``, ``projects`` and ``users`` on a running server."""

import psycopg
import pytest
from click.testing import CliRunner

import tokenbudget as tb
from tokenbudget import config
from tokenbudget.cli import accounts

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("server")]


@pytest.fixture
def run(running_server):
    """Run a command as the owner of a project's organisation."""
    project = running_server("of the commands")
    tb.configure(url=project.url, api_key=project.key)

    def run(group, *arguments, **more):
        return CliRunner().invoke(group, arguments, **more)

    yield run
    config.reset()


def test_a_key_is_made_listed_and_revoked(run):
    made = run(accounts.keys, "create", "app", "--project", "of the commands", "--scope", "read", "--days", "3")
    assert made.exit_code == 0, made.output
    text = made.output.strip()
    assert text.startswith("tb_ak_")
    listed = run(accounts.keys, "list").output
    line = next(line for line in listed.splitlines() if line.endswith("  app"))
    assert f"{text[:14]}…{text[-4:]}" in line
    assert text not in listed
    id_ = line.split()[0]
    assert run(accounts.keys, "revoke", id_).output == f"Revoked {id_}.\n"
    assert "revoked  app" in run(accounts.keys, "list").output


def test_what_the_server_refuses_is_a_sentence(run):
    assert "there is no key" in str(run(accounts.keys, "revoke", "key_" + "0" * 32).exception)
    refused = run(accounts.users, "create", "ada@example.org", "--no-password")
    assert "your role, member, does not allow it" in str(refused.exception)
    unknown = run(accounts.keys, "create", "app", "--project", "nobody's")
    assert "there is none of that name" in unknown.output


def test_projects_and_users_are_listed(run):
    assert "of the commands" in run(accounts.projects, "list").output
    assert "of the commands@example.org  member" in run(accounts.users, "list").output


def test_teams_and_projects_are_made_and_archived(run, running_server):
    project = running_server("of the managers")
    with psycopg.connect(project.database) as connection:
        who = "SELECT id FROM users WHERE email = 'of the managers@example.org'"
        connection.execute(f"UPDATE memberships SET role = 'admin' WHERE user_id = ({who})")
        user = str(connection.execute(who).fetchone()[0])
    tb.configure(url=project.url, api_key=project.key)
    assert run(accounts.teams, "create", "blue").output.endswith(", blue.\n")
    assert run(accounts.projects, "create", "New Lab", "--team", "blue").output.endswith(", new-lab.\n")
    assert "name one of several with --team" in run(accounts.projects, "create", "other").output
    assert "  new-lab  New Lab\n" in run(accounts.projects, "list").output
    assert run(accounts.projects, "archive", "New Lab").output == "Archived New Lab.\n"
    assert "New Lab" not in run(accounts.projects, "list").output
    assert "  new-lab  New Lab  archived\n" in run(accounts.projects, "list", "--archived").output
    added = run(accounts.teams, "add", "blue", user, "--role", "viewer").output
    assert added == f"User {user} is viewer of blue now.\n"
    assert "  viewer  " in run(accounts.teams, "members", "blue").output
    assert run(accounts.teams, "remove", "blue", user).exit_code == 0
    assert run(accounts.teams, "members", "blue").output == ""


def test_a_key_is_rotated(run):
    assert run(accounts.keys, "create", "app").exit_code == 0
    id_ = run(accounts.keys, "list").output.split()[0]
    rotated = run(accounts.keys, "rotate", id_, "--grace-hours", "1")
    assert rotated.stdout.startswith("tb_ak_")
    assert f"{id_} goes on for 1 hour; this one is key_" in rotated.stderr


def test_leaked_keys_are_found_and_not_printed(tmp_path):
    key = "tb_ak_" + "0123456789abcdef" * 2
    (tmp_path / "notebook.ipynb").write_text(f"x\napi_key='{key}'\n")
    (tmp_path / "hash.txt").write_text(key + "0" * 8)
    found = CliRunner().invoke(accounts.keys, ["scan", str(tmp_path)])
    assert found.exit_code == 1
    assert f"notebook.ipynb:2: {key[:14]}…" in found.output
    assert "1 key found" in found.output
    assert key not in found.output
    assert CliRunner().invoke(accounts.keys, ["scan", str(tmp_path / "hash.txt")]).exit_code == 0
