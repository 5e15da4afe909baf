"""Find ports to listen on."""

from __future__ import annotations

import errno
import socket
import sys

from tokenbudget_server.web.errors import SettingsError

TRIES = 50


def free_port(host: str, wanted: int, taken: tuple[int, ...] = ()) -> int:
    """Return `wanted`, or the next port after it that nobody listens on.

    Parameters
    ----------
    host : str
        The address that will be listened on.
    wanted : int
    taken : tuple of int
        Ports given away already.

    Raises
    ------
    SettingsError
        If none of the next 50 ports is free, or `host` is not an address of this machine.
    """
    for port in range(wanted, min(wanted + TRIES, 65_536)):
        if port not in taken and _is_free(host, port):
            return port
    raise SettingsError(f"no port from {wanted} to {wanted + TRIES - 1} is free: choose another with --port")


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if sys.platform != "win32":  # There it would let two processes listen on one port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise SettingsError(f"cannot listen on {host!r}: it is not an address of this machine") from None
            return False
    return True
