"""Send one batch to the server and return its `Outcome`; no threads, no files."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from tokenbudget.core.key_text import hide_keys
from tokenbudget.core.limits import storable
from tokenbudget.journal.quarantine import QuarantinedRecord
from tokenbudget.transport.backoff import retry_after
from tokenbudget.transport.httpx_compat import http_library

if TYPE_CHECKING:
    import httpx

Verdict = Literal["acknowledged", "refused", "later", "stopped"]
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_SERVER_ERRORS = 500
_GZIP_LEVEL = 1  # Events are alike: the cheapest level already makes a tenth of them.
_EXCERPT = 300


@dataclass(slots=True)
class Outcome:
    """The outcome of sending a batch.

    Attributes
    ----------
    verdict : str
        ``acknowledged``: the server has stored or rejected every record; ``later``: retry after a while; ``stopped``:
        do not retry until the settings or the server change; ``refused``: the server refused the batch as a whole
        (used only in this module).
    shipped : int
        Records the server has stored, including duplicates.
    rejected : list of QuarantinedRecord
        Records the server will never accept, with the reasons.
    wait : float or None
        Seconds the server asked us to wait.
    detail : str
        The server's message, or why it could not be reached.
    status : int or None
        HTTP status; None when there was no answer.
    skew : float or None
        Seconds by which the server's clock is ahead of ours.
    """

    verdict: Verdict
    shipped: int = 0
    rejected: list[QuarantinedRecord] = field(default_factory=list)
    wait: float | None = None
    detail: str = ""
    status: int | None = None
    skew: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the server failed at the batch, possibly because of its records."""
        return self.verdict == "later" and self.status == HTTPStatus.INTERNAL_SERVER_ERROR


def deliver(client: httpx.Client, records: Sequence[bytes]) -> Outcome:
    """Send `records`; if the server refuses the batch, halve it until the rejected record is alone."""
    outcome = send(client, records)
    if outcome.verdict != "refused":
        return outcome
    if len(records) == 1:
        entry = QuarantinedRecord("rejected", outcome.detail, records[0].decode(), status=outcome.status)
        return Outcome("acknowledged", rejected=[entry], skew=outcome.skew, status=outcome.status)
    middle = len(records) // 2
    first = deliver(client, records[:middle])
    if first.verdict != "acknowledged":
        return first
    second = deliver(client, records[middle:])
    second.shipped += first.shipped
    second.rejected = first.rejected + second.rejected
    return second


def isolate(client: httpx.Client, records: Sequence[bytes], *, works: bool = False) -> Outcome:
    """Deliver `records`, and treat those at which the server fails (500) while it takes others as rejected.

    If the server takes none of them, stop after some twenty requests, and reject nothing.

    Parameters
    ----------
    works : bool, default False
        Whether the server has just taken other records.
    """
    outcome = deliver(client, records)
    if not outcome.failed:
        return outcome
    if len(records) == 1:
        entry = QuarantinedRecord("rejected", outcome.detail, records[0].decode(), status=outcome.status)
        return Outcome("acknowledged", rejected=[entry], skew=outcome.skew, status=outcome.status) if works else outcome
    middle = len(records) // 2
    first = isolate(client, records[:middle], works=works)
    if first.failed:
        if deliver(client, records[middle:]).verdict != "acknowledged":
            return first
        first = isolate(client, records[:middle], works=True)
    if first.verdict != "acknowledged":
        return first
    # The records delivered above are sent again; the server deduplicates them by id.
    second = isolate(client, records[middle:], works=True)
    second.shipped += first.shipped
    second.rejected = first.rejected + second.rejected
    return second


def send(client: httpx.Client, records: Sequence[bytes]) -> Outcome:
    """Send `records` in one request."""
    library = http_library()
    body = gzip.compress(b'{"events":[' + b",".join(records) + b"]}", compresslevel=_GZIP_LEVEL, mtime=0)
    try:
        response = client.post("/v1/events/batch", content=body)
    except (library.HTTPError, library.InvalidURL, OSError) as error:
        return Outcome("later", detail=hide_keys(f"{type(error).__name__}: {error}"))
    outcome = _read(response, records)
    outcome.status = response.status_code
    outcome.skew = _skew(response.headers.get("date"))
    return outcome


def _read(response: httpx.Response, records: Sequence[bytes]) -> Outcome:
    status = response.status_code
    if status == HTTPStatus.ACCEPTED:
        return _acknowledged(response, records)
    if status in _REFUSED:
        return Outcome("refused", detail=_said(response))
    if status >= _SERVER_ERRORS or status in _LATER:
        wait = retry_after(response.headers.get("retry-after"))
        return Outcome("later", wait=wait, detail=f"HTTP {status}: {_said(response)}")
    return Outcome("stopped", detail=f"HTTP {status}: {_said(response)}")


def _acknowledged(response: httpx.Response, records: Sequence[bytes]) -> Outcome:
    try:
        answer: dict[str, Any] = response.json()
        rejected = [_rejected(item, records) for item in answer.get("rejected", [])]
        shipped = int(answer["accepted"]) + int(answer.get("duplicates", 0))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return Outcome("stopped", detail=f"not an answer of a TokenBudget server: {_said(response)}")
    return Outcome("acknowledged", shipped=shipped, rejected=rejected)


def _rejected(item: dict[str, Any], records: Sequence[bytes]) -> QuarantinedRecord:
    record = records[item["index"]].decode()
    field = item.get("field")
    named = None if field is None else storable(str(field))
    return QuarantinedRecord(
        "rejected", hide_keys(storable(str(item.get("reason")))), record, named, HTTPStatus.ACCEPTED
    )


def _said(response: httpx.Response) -> str:
    """Return the problem detail of an answer, or the beginning of whatever it says."""
    try:
        problem = response.json()
        said = storable(str(problem.get("detail") or problem.get("title") or problem))
    except (ValueError, AttributeError):
        said = response.text or response.reason_phrase
    return hide_keys(said[: 2 * _EXCERPT])[:_EXCERPT]


def _skew(date: str | None) -> float | None:
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() if date else None
    except (ValueError, TypeError):
        return None
