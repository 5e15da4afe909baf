"""Send a server stored events, piece by piece; no threads, no files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from tokenbudget.core.errors import ConfigError
from tokenbudget.transport.backoff import delay
from tokenbudget.transport.connection import connect
from tokenbudget.transport.delivery import Outcome, deliver, isolate

if TYPE_CHECKING:
    import httpx

    from tokenbudget.config import Config

_TIMEOUT_SECONDS = 30.0
_FAILURES_TO_ISOLATE = 3


class Records(Protocol):
    """Anything with events' JSON."""

    @property
    def records(self) -> Sequence[bytes]:
        """The JSON of each event."""
        ...


Piece = TypeVar("Piece", bound=Records)


def backfill(
    settings: Config, pieces: Iterable[Piece], answered: Callable[[Piece, Outcome], None], patience: float
) -> str | None:
    """Send `pieces`, one after the other, to the server in force.

    Parameters
    ----------
    answered : callable
        Called with each piece that the server has acknowledged, and its outcome.
    patience : float
        Maximum seconds to try to send a piece.

    Returns
    -------
    str or None
        Why not all pieces were sent; None when they were.

    Raises
    ------
    ConfigError
        If no server is configured.
    """
    if settings.url is None:
        msg = "there is no server to send to: set TOKENBUDGET_URL and TOKENBUDGET_API_KEY"
        raise ConfigError(msg)
    works = False
    with connect(settings.url, settings.api_key, _TIMEOUT_SECONDS) as client:
        for piece in pieces:
            outcome = _sent(client, piece.records, time.monotonic() + patience, works=works)
            if outcome.verdict != "acknowledged":
                return outcome.detail
            works = True
            answered(piece, outcome)
    return None


def _sent(client: httpx.Client, records: Sequence[bytes], deadline: float, *, works: bool) -> Outcome:
    failures = 0
    while True:
        way = deliver if failures < _FAILURES_TO_ISOLATE else partial(isolate, works=works)
        outcome = way(client, records)
        failures += 1
        wait = delay(failures, outcome.wait)
        if outcome.verdict != "later" or time.monotonic() + wait > deadline:
            return outcome
        time.sleep(wait)
