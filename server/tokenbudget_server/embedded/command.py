"""Command lines, settings and environment of the Postgres programs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tokenbudget_server.embedded.binaries import Binaries
from tokenbudget_server.embedded.data_dir import Layout
from tokenbudget_server.embedded.os_user import Identity

SUPERUSER = "tokenbudget"
FIRST_WITH_BUILTIN_LOCALE = 17
_NEEDED = re.compile(r"PATH|HOME|USER|LOGNAME|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|MALLOC_\w+")

# For one machine that has other things to do. What keeps data safe (fsync,
# synchronous_commit, full_page_writes) stays as Postgres ships it: on.
LAPTOP_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "timezone": "UTC",
        "log_timezone": "UTC",
        "shared_buffers": "128MB",
        "effective_cache_size": "1GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "64MB",
        "random_page_cost": "1.1",  # Laptops have SSDs.
        "jit": "off",  # Compiling costs more than our short queries.
        "wal_level": "minimal",  # No replicas, so less to write...
        "max_wal_senders": "0",  # ...and these two go together.
        "log_checkpoints": "off",  # Every five minutes, for ever.
        "log_min_error_statement": "panic",  # Statements hold what people sent.
    }
)


def initdb_command(binaries: Binaries, identity: Identity, directory: Path, *, sync: bool) -> list[str]:
    """Command line that creates a cluster in an empty directory.

    Text sorts by code point, the same on every system: `initdb`'s default would be the
    locale of the user who happens to start it first.
    """
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    locale = builtin if binaries.major >= FIRST_WITH_BUILTIN_LOCALE else ["--locale=C"]
    options = ["-D", str(directory), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", *locale]
    return [*identity.prefix, binaries["initdb"], *options, *([] if sync else ["--no-sync"])]


def single_user_command(binaries: Binaries, identity: Identity, directory: Path) -> list[str]:
    """Command line of a Postgres that reads statements from its input."""
    return [*identity.prefix, binaries["postgres"], "--single", "-D", str(directory), "template1"]


def server_command(binaries: Binaries, identity: Identity, layout: Layout, settings: Mapping[str, str]) -> list[str]:
    """Command line of the server; it listens on a Unix socket and nowhere else."""
    fixed = {
        "listen_addresses": "",
        "port": "5432",  # Only part of the socket's name.
        "unix_socket_directories": str(layout.sockets),
        "unix_socket_permissions": "0700",
    }
    options = [option for name, value in {**settings, **fixed}.items() for option in ("-c", f"{name}={value}")]
    return [*identity.prefix, binaries["postgres"], "-D", str(layout.cluster), *options]


def clean_environment() -> dict[str, str]:
    """Build the environment of every Postgres program: no secret, and no setting that is meant for another server.

    Messages must be English for `diagnosis` to read them.
    """
    return {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name)} | {"LC_ALL": "C"}
