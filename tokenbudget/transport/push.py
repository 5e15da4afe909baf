"""Deliver on demand what waits on disk: ``tokenbudget push``."""

from __future__ import annotations

from dataclasses import dataclass

from tokenbudget.config import Config
from tokenbudget.core.errors import ConfigError
from tokenbudget.journal import quarantine
from tokenbudget.journal.status import status
from tokenbudget.journal.writing.writer import Journal
from tokenbudget.transport.shipper import Shipper

_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to.

    Attributes
    ----------
    delivered : bool
        Whether everything this process may ship was.
    shipped : int
        Events the server acknowledged meanwhile.
    put_back : int
        Events taken out of quarantine to be sent again.
    pending : int
        Events still waiting, those of running processes included.
    quarantined : int
        Events in quarantine now.
    detail : str or None
        Why not everything was delivered.
    """

    delivered: bool
    shipped: int
    put_back: int
    pending: int
    quarantined: int
    detail: str | None


def push(settings: Config, *, retry: bool = False, timeout: float = 60.0) -> Pushed:
    """Send what dead processes left under `settings.home`, now.

    Parameters
    ----------
    settings : Config
        Where the journal is and which server to send to.
    retry : bool, default False
        Send what is in quarantine again, too.
    timeout : float
        Seconds to try at most.

    Raises
    ------
    ConfigError
        If no server is configured.
    JournalError
        If the quarantine is in use, or the journal cannot be read or written.
    """
    if settings.url is None:
        msg = (
            "there is no server to push to: set TOKENBUDGET_URL and TOKENBUDGET_API_KEY, or call tb.configure(url=...)"
        )
        raise ConfigError(msg)
    before = status(settings.home).shipped
    put_back = quarantine.retry(settings.home) if retry else 0
    shipper = Shipper(Journal(settings.home, sends=lambda: True), settings=lambda: settings)
    delivered = shipper.flush(timeout)
    shipper.close(_END_SECONDS)
    now = status(settings.home)
    why = None if delivered else now.last_error or now.stuck_because
    return Pushed(delivered, now.shipped - before, put_back, now.pending, now.quarantined, why)
