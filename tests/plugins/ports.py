"""Ports for servers that tests start, in any number of processes at once."""

import socket


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on; the kernel gives each asker another."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]
