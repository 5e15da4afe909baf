"""Ask a server whether it is there, takes our key and has the time: what ``tokenbudget doctor`` shows of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

from tokenbudget.config import Config
from tokenbudget.transport.connection import connect
from tokenbudget.transport.delivery import send


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server answered.

    Attributes
    ----------
    url : str or None
        The server asked; None in local mode, where there is none to ask.
    reachable : bool
        Whether anything answered.
    accepted : bool
        Whether it takes events under our key.
    latency_ms : float or None
        Wall-clock milliseconds of the request, connecting included.
    clock_skew_s : float or None
        Seconds by which the server's clock is ahead of ours; its answer's date has whole seconds only.
    detail : str
        What is wrong and what to do; empty when nothing is.
    """

    url: str | None
    reachable: bool = False
    accepted: bool = False
    latency_ms: float | None = None
    clock_skew_s: float | None = None
    detail: str = ""


def probe(settings: Config, timeout: float = 5.0) -> Probe:
    """Send an empty batch to `settings.url`.  Never raises for what the network or the server does.

    Examples
    --------
    >>> from pathlib import Path
    >>> probe(Config(home=Path("/tmp"))).detail
    'no server is configured: events stay on this machine'
    """
    if settings.url is None:
        return Probe(None, detail="no server is configured: events stay on this machine")
    began = time.monotonic()
    with connect(settings.url, settings.api_key, timeout) as client:
        outcome = send(client, [])
    latency = (time.monotonic() - began) * 1000
    if outcome.status is None:
        return Probe(settings.url, detail=f"does not answer ({outcome.detail}): is it running, is the URL right?")
    accepted = outcome.verdict == "acknowledged"
    hint = ""
    if outcome.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = "; check the API key (TOKENBUDGET_API_KEY)"
    detail = "" if accepted else outcome.detail + hint
    return Probe(settings.url, True, accepted, latency, outcome.skew, detail)  # noqa: FBT003
