"""The errors that the library raises.

::

    TokenBudgetError
    ├── ConfigError            a setting that is not valid              (ValueError)
    ├── TagError               a tag key or value that is not valid     (ValueError)
    ├── UsageError             usage that cannot be recorded            (ValueError)
    ├── PeriodError            a period or time zone that is not valid  (ValueError)
    ├── QueryError             an unknown dimension, filter, interval   (ValueError)
    ├── PriceError             a price that is missing or not valid     (ValueError)
    ├── TranscriptError        transcripts that cannot be imported      (ValueError)
    ├── UnsupportedClientError a client that is not supported           (TypeError)
    ├── MissingExtraError      an optional dependency that is missing   (ImportError)
    ├── JournalError           a journal that cannot be used            (OSError)
    └── ServerError            the TokenBudget server refused a request
        ├── ServerUnreachableError   it did not answer
        └── AuthError                it does not accept the API key

A measured call of a client never raises any of them.
"""

from __future__ import annotations


class TokenBudgetError(Exception):
    """Base of all errors raised by TokenBudget."""


class ConfigError(TokenBudgetError, ValueError):
    """A setting is not valid."""


class TagError(TokenBudgetError, ValueError):
    """A tag key or value is not valid."""


class UsageError(TokenBudgetError, ValueError):
    """The usage given to ``tb.record`` cannot be recorded."""


class PeriodError(TokenBudgetError, ValueError):
    """A period or a time zone is not valid."""


class QueryError(TokenBudgetError, ValueError):
    """A query names a dimension, filter or interval that does not exist."""


class PriceError(TokenBudgetError, ValueError):
    """A price is missing, not valid, or implausible."""


class TranscriptError(TokenBudgetError, ValueError):
    """Transcripts of coding agents cannot be imported as asked."""


class UnsupportedClientError(TokenBudgetError, TypeError):
    """``tb.wrap`` does not support this object."""


class MissingExtraError(TokenBudgetError, ImportError):
    """A required optional dependency is not installed."""


class JournalError(TokenBudgetError, OSError):
    """The journal on disk cannot be used."""


class ServerError(TokenBudgetError):
    """The TokenBudget server refused a request.

    Attributes
    ----------
    status : int or None
        HTTP status of the answer; None if there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ServerUnreachableError(ServerError):
    """The TokenBudget server did not answer."""


class AuthError(ServerError):
    """The TokenBudget server does not accept the API key."""
