"""The ports to listen on: the ones that were asked for, or none."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tokenbudget_server.web.errors import SettingsError

_POLL_SECONDS = 0.1


def claim(host: str, wanted: Mapping[str, int], patience_seconds: float = 0.0) -> dict[str, int]:
    """Make sure that the ports are free.

    Another one is never taken instead: notebooks, proxies and bookmarks know the one that was asked for, and to move
    would leave them with whoever listens there.

    Parameters
    ----------
    host : str
        The address that will be listened on.
    wanted : mapping of str to int
        The command's option that chooses a port, and the port; 0 asks for any that is free.
    patience_seconds : float
        How long to wait for one who is about to end.

    Returns
    -------
    dict of str to int
        The ports, none of them 0.

    Raises
    ------
    SettingsError
        If one is in use, by whom and what to do; or `host` is not an address of this machine.
    """
    deadline = time.monotonic() + patience_seconds
    while busy := {option: port for option, port in wanted.items() if port and not _is_free(host, port)}:
        if time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            continue
        said = [f"port {port} is in use by {_who_listens(host, port)}" for port in busy.values()]
        others = " ".join(f"{option} {_free_port(host)}" for option in busy)
        raise SettingsError(f"{' and '.join(said)}: end it, or choose another port, e.g. {others}")
    return {option: port or _free_port(host) for option, port in wanted.items()}


def _is_free(host: str, port: int) -> bool:
    with _probe(host) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise SettingsError(f"cannot listen on {host!r}: it is not an address of this machine") from None
            if isinstance(error, PermissionError):
                raise SettingsError(f"cannot listen on port {port}: only an administrator may use it") from None
            return False
    return True


def _free_port(host: str) -> int:
    with _probe(host) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _probe(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if sys.platform != "win32":  # There it would let two processes listen on one port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe


def _who_listens(host: str, port: int) -> str:
    """Name who has a port, as far as it shows."""
    processes = [*_listeners(port)]
    named = " and ".join(processes) or "another program"
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with
    return f"{named}, a TokenBudget server" if _is_ours(reached, port) else named


def _is_ours(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/health")
        return b'"jobs"' in connection.getresponse().read(10_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listeners(port: int) -> Iterator[str]:
    """Name the processes of this user that listen on a port; none where the system does not tell by files."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net", table), port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):  # It has ended, or is another user's.
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                yield f"{(process / 'comm').read_text().strip()} (process {process.name})"


def _listening(table: Path, port: int) -> Iterator[str]:
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            if re.match(rf"\s*\d+: [0-9A-F]+:{port:04X} \S+ 0A ", line):
                yield line.split()[9]
