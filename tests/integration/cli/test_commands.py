"""The ``tokenbudget`` command itself."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner

from tokenbudget import __version__, cli


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


@pytest.fixture
def commands(monkeypatch):
    """Replace the installed commands."""

    def install(**targets):
        points = [EntryPoint(name, target, cli.GROUP) for name, target in targets.items()]
        monkeypatch.setattr(cli, "entry_points", lambda group: points if group == cli.GROUP else [])
        cli.main.__dict__.pop("_entry_points", None)

    yield install
    cli.main.__dict__.pop("_entry_points", None)


def test_help_names_the_servers_commands(run):
    result = run("--help")
    assert result.exit_code == 0
    for name in ("up", "serve", "panel"):
        assert f"\n  {name} " in result.output


def test_version(run):
    assert run("--version").output == f"tokenbudget, version {__version__}\n"


def test_a_command_whose_packages_are_missing_says_what_to_install(run, commands):
    commands(up="no_such_package.cli:up")
    assert "cannot be loaded" in run("--help").output
    result = run("up", "--port", "1")
    assert result.exit_code == 1
    assert "pip install 'tokenbudget-ledger[" in result.output


def test_an_unknown_command_is_an_error(run, commands):
    commands()
    assert run("fly").exit_code == 2


def test_an_error_of_ours_is_a_sentence(run, commands):
    commands(up="tests.integration.cli.failing:command")
    result = run("up")
    assert (result.exit_code, result.output) == (1, "Error: the port is closed\n")


def test_the_library_does_not_import_the_server():
    code = "import sys, tokenbudget.cli; assert not {'tokenbudget_server', 'litestar', 'polars'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
