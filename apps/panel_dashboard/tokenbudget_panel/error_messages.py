"""Error messages that say what went wrong and what to do."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tokenbudget import config
from tokenbudget.core.errors import AuthError, ConfigError, ServerError, ServerUnreachableError, TokenBudgetError

log = logging.getLogger("tokenbudget_panel")


@dataclass(frozen=True)
class Trouble:
    """Why there are no numbers.

    Attributes
    ----------
    title : str
    advice : str
        What to do.
    detail : str
        The error's own words.
    """

    title: str
    advice: str
    detail: str


def explained(error: Exception, *, signs_in: bool = False) -> Trouble:
    """Return the message for an error: for the owner of this machine, or for a visitor who signs in.

    Examples
    --------
    >>> explained(ServerUnreachableError("connection refused")).title
    'The TokenBudget server does not answer'
    """
    if signs_in and (trouble := _for_visitor(error)):
        return trouble
    for kind, title, advice in _KNOWN:
        if isinstance(error, kind):
            return Trouble(title, advice.format(**_places()), str(error))
    log.error("the dashboard could not answer", exc_info=error)
    return Trouble(
        "The numbers could not be worked out",
        "This looks like a defect in TokenBudget: the log of this dashboard has the details.",
        f"{type(error).__name__}: {error}",
    )


_KNOWN: tuple[tuple[type[Exception], str, str], ...] = (
    (
        AuthError,
        "The TokenBudget server does not accept the API key",
        "Check api_key in {settings}, or TOKENBUDGET_API_KEY if you set it: the key may be wrong or revoked.",
    ),
    (
        ServerUnreachableError,
        "The TokenBudget server does not answer",
        "Is it running at {url}? Start it with “tokenbudget up”. This page tries again by itself.",
    ),
    (ServerError, "The TokenBudget server could not answer", "This page tries again by itself."),
    (ConfigError, "The settings cannot be used", "Mend {settings} or the TOKENBUDGET_… variables, then try again."),
    (OSError, "The journal cannot be read", "Check that {settings} and the files beside it may be read."),
    (TokenBudgetError, "The question was not understood", "Choose another period, zone or dimension."),
)


def _for_visitor(error: Exception) -> Trouble | None:
    """Put an error into words that tell a visitor nothing of the machine."""
    if isinstance(error, AuthError):
        return Trouble("You are not signed in any more", "Load this page again, and sign in.", "The key is refused.")
    if isinstance(error, ServerError | ServerUnreachableError):
        return Trouble(
            "The TokenBudget server could not answer", "This page tries again by itself.", "No answer, or an error."
        )
    return None


def _places() -> dict[str, str]:
    try:
        settings = config.current()
        home, url = settings.home, settings.url
    except ConfigError:
        home, url = config.default_home(), None
    return {"settings": str(home / config.CONFIG_FILE), "url": url or "the configured address"}
