"""Directories, processes and users for the life-cycle tests of the bundled Postgres."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.integration.embedded.helpers import OtherProcess, make, run_as
from tokenbudget_server.embedded.os_user import NOBODY

_MEMORY = Path("/dev/shm")
_ROOMY_BYTES = 2**30


@pytest.fixture
def place():
    """A short directory that every user may enter; in memory if there is room, because copies are faster there."""
    in_memory = _MEMORY.exists() and shutil.disk_usage(_MEMORY).free > _ROOMY_BYTES
    directory = Path(tempfile.mkdtemp(prefix="tokenbudget-pg-", dir=_MEMORY if in_memory else None))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def data_dir(place):
    return place / "postgres"


@pytest.fixture(scope="session")
def made_data(tmp_path_factory):
    """A data directory with a stopped server in it, to be copied: `initdb` is the slow part."""
    directory = tmp_path_factory.mktemp("made") / "postgres"
    with make(directory).running() as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE event (id int PRIMARY KEY)")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def used_data_dir(made_data, data_dir):
    """A data directory that was used before: it has an empty table ``event``."""
    shutil.copytree(made_data, data_dir, ignore=shutil.ignore_patterns("run"))
    return data_dir


@pytest.fixture
def other_process():
    """Start an `OtherProcess`; what still runs at the end of the test is asked to end."""
    started = []

    def start(data_dir: Path, **environment: str) -> OtherProcess:
        started.append(OtherProcess(data_dir, environment))
        return started[-1]

    yield start
    for other in started:
        if other.process.poll() is None:
            other.end()


@pytest.fixture
def tools_that_fail(place):
    """Make a PATH on which a tool fails as it does in a container without the right to it."""

    def make_path(tool: str) -> str:
        directory = place / "tools"
        directory.mkdir()
        (directory / tool).write_text(f"#!/bin/sh\necho '{tool}: Operation not permitted' >&2\nexit 1\n")
        (directory / tool).chmod(0o755)
        return f"{directory}:{os.environ['PATH']}"

    return make_path


@pytest.fixture
def as_nobody():
    """Run a function as ``nobody`` and return its result, or its exception.

    In a fork, because the interpreter itself may be out of that user's reach.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return lambda function: run_as(NOBODY, function)


@pytest.fixture
def small_disk(place):
    """Mount a file system of so many megabytes and return its directory."""
    mounted = []

    def mount(megabytes: int) -> Path:
        directory = place / f"disk{len(mounted)}"
        directory.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs the right to mount a small file system")
        mounted.append(directory)
        return directory

    yield mount
    for directory in mounted:
        subprocess.run(["umount", str(directory)], check=True)
