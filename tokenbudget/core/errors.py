"""Every error the library raises on purpose.

::

    TokenBudgetError
    ├── ConfigError            a setting that cannot be used            (ValueError)
    ├── TagError               a tag key or value out of bounds         (ValueError)
    ├── UsageError             usage that cannot be recorded            (ValueError)
    ├── PeriodError            a period or time zone not understood     (ValueError)
    ├── QueryError             a dimension, filter or interval unknown  (ValueError)
    ├── PriceError             a price that is malformed or refused     (ValueError)
    ├── TranscriptError        transcripts that cannot be imported      (ValueError)
    ├── UnsupportedClientError an object ``tb.wrap`` does not know      (TypeError)
    ├── MissingExtraError      an optional dependency is not installed  (ImportError)
    ├── JournalError           the journal on disk cannot be used       (OSError)
    └── ServerError            the TokenBudget server said no, or nothing
        ├── ServerUnreachableError
        └── AuthError

None of them ever reaches the host program from inside a measured provider call.
"""

from __future__ import annotations


class TokenBudgetError(Exception):
    """Base of all errors raised by TokenBudget."""


class ConfigError(TokenBudgetError, ValueError):
    """A setting cannot be used."""


class TagError(TokenBudgetError, ValueError):
    """A tag key or value is out of bounds."""


class UsageError(TokenBudgetError, ValueError):
    """Usage handed to ``tb.record`` cannot be recorded."""


class PeriodError(TokenBudgetError, ValueError):
    """A period or a time zone is not understood."""


class QueryError(TokenBudgetError, ValueError):
    """A question names a dimension, filter or interval that does not exist."""


class PriceError(TokenBudgetError, ValueError):
    """A price is malformed, or was refused."""


class TranscriptError(TokenBudgetError, ValueError):
    """Transcripts of coding agents cannot be imported as asked."""


class UnsupportedClientError(TokenBudgetError, TypeError):
    """``tb.wrap`` was given an object it does not know."""


class MissingExtraError(TokenBudgetError, ImportError):
    """An optional dependency is needed and not installed."""


class JournalError(TokenBudgetError, OSError):
    """The journal on disk cannot be used."""


class ServerError(TokenBudgetError):
    """The TokenBudget server refused a request.

    Attributes
    ----------
    status : int or None
        HTTP status of the answer; None when there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ServerUnreachableError(ServerError):
    """The TokenBudget server did not answer."""


class AuthError(ServerError):
    """The TokenBudget server does not accept the API key."""
