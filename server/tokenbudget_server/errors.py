"""Every error the server raises on purpose.

::

    TokenBudgetError                     (tokenbudget.core.errors)
    └── TokenBudgetServerError
        └── EmbeddedPostgresError        the bundled Postgres cannot do its work
            ├── BinariesNotFoundError    no Postgres programs on this machine
            ├── DataDirectoryError       not writable, not ours, or another user's
            ├── DiskFullError            no room to create or to run the database
            ├── VersionMismatchError     the data was made by another major version
            └── PostgresStartError       it did not start; the end of its log says why
"""

from __future__ import annotations

from tokenbudget.core.errors import TokenBudgetError


class TokenBudgetServerError(TokenBudgetError):
    """Base of all errors raised by the server."""


class EmbeddedPostgresError(TokenBudgetServerError):
    """The bundled Postgres cannot do its work."""


class BinariesNotFoundError(EmbeddedPostgresError):
    """No Postgres programs were found on this machine."""


class DataDirectoryError(EmbeddedPostgresError):
    """The data directory is not writable, not ours, or belongs to another user."""


class DiskFullError(EmbeddedPostgresError):
    """The disk has no room to create or to run the database."""


class VersionMismatchError(EmbeddedPostgresError):
    """The data directory was made by another major version of Postgres."""


class PostgresStartError(EmbeddedPostgresError):
    """Postgres did not start; the message ends with the end of its log."""
