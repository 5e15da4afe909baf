"""Every error the server raises on purpose.

::

    TokenBudgetError                     (tokenbudget.core.errors)
    └── TokenBudgetServerError
        ├── SettingsError                a setting of the server cannot be used
        ├── AlreadyRunningError          another ``tokenbudget up`` has this home
        ├── ChildError                   a process we started does not serve; the end of its log says why
        ├── DistributionError            the database cannot be distributed; the message says what to do
        ├── StoreUnavailableError        the database does not answer; try again
        ├── OverloadedError              too much is under way already; try again
        │   └── TooSlowError             an answer took too long; ask for less
        ├── TooManyAtOnceError           one caller has too much under way; try again
        ├── ClientGoneError              nobody waits for the answer any more
        ├── CacheUnavailableError        Redis does not answer; go on without it
        ├── CursorError                  a cursor that is not of this list
        ├── InvalidPriceError            a price that cannot be set
        ├── PriceTableError              the price table cannot be fetched or believed
        ├── RepricingUnderWayError       events are being priced again already
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


class SettingsError(TokenBudgetServerError):
    """A setting of the server cannot be used."""


class AlreadyRunningError(TokenBudgetServerError):
    """Another ``tokenbudget up`` has this home."""


class ChildError(TokenBudgetServerError):
    """A process we started does not serve; the message ends with the end of its log."""


class DistributionError(TokenBudgetServerError):
    """The database cannot be distributed; the message says what to do."""


class StoreUnavailableError(TokenBudgetServerError):
    """The database does not answer; trying again is safe."""


class OverloadedError(TokenBudgetServerError):
    """More is under way than the server wants to hold; nothing was done, and trying again is safe."""


class TooManyAtOnceError(TokenBudgetServerError):
    """One caller has as much under way as it may; nothing was done, and trying again is safe."""


class TooSlowError(OverloadedError):
    """An answer took longer than anybody should wait for it; a smaller question does not."""


class ClientGoneError(TokenBudgetServerError):
    """The client hung up, or its time was up: nobody waits for the answer."""


class CacheUnavailableError(TokenBudgetServerError):
    """Redis does not answer; callers go on without it."""


class CursorError(TokenBudgetServerError):
    """A cursor is not of this list, or of another version."""


class InvalidPriceError(TokenBudgetServerError):
    """A price cannot be set: a value is missing, contradicts another or is out of bounds."""


class PriceTableError(TokenBudgetServerError):
    """The price table cannot be fetched or believed; nothing was changed."""


class RepricingUnderWayError(TokenBudgetServerError):
    """Events are being priced again already."""


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
