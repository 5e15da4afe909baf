"""One observed model call, from request to event; shared by sync, async and streams."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tokenbudget import config
from tokenbudget.capture import framework_calls, seen_ids
from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.tagging import tags_in_force
from tokenbudget.capture.usage import token_estimate
from tokenbudget.capture.usage.builder import usage_of
from tokenbudget.capture.usage.fields import NONE, Fields, fields
from tokenbudget.core.clock import utc_text, utc_time
from tokenbudget.core.event import Event, Measured, Status
from tokenbudget.core.ids import uuid7, uuid7_from
from tokenbudget.core.limits import LONGEST_RESPONSE_ID, storable
from tokenbudget.core.usage import Usage
from tokenbudget.diagnostics import internal_errors
from tokenbudget.recording import recorder

_NAMES = frozenset({"background", "created", "model", "region", "response_id", "service_tier", "speed"})
"""What is read of an answer beside its usage."""
_LONGEST_WARNING = 200
_MS = 1e-6
_CUT = (GeneratorExit, KeyboardInterrupt, SystemExit)


class Call:
    """A model call under observation.

    Hooks create it before the request and report its outcome once: `answered`, `failed`, or for a stream `item` for
    each item and then `finished` or `cut`.  None of these ever raises.

    Parameters
    ----------
    api : Api
        The API called.
    provider : str
        Who bills it.
    request : mapping
        The request's body, for what the response does not state; dropped at the end.
    model : str, optional
        The requested model, if the body does not name it.
    region : str, optional
        The region, if the address states it.

    Attributes
    ----------
    of_framework : bool
        Whether a framework's handler reports it instead of a client.
    status : str
        How it ended; `found` is what was read of its answer.  Set only inside a framework's call.
    """

    of_framework = False
    attempts = 1
    sends = 0
    batch = False
    done = False
    status = ""
    found: Found | Fields = NONE
    id: str | None = None
    answer: Fields | None = None
    written = 0
    first_token_ns = 0

    def __init__(
        self, api: Api, provider: str, request: Fields, model: str | None = None, region: str | None = None
    ) -> None:
        self.api = api
        self.provider = provider
        self.request = request
        self.model = model or request.get("model")
        self.region = region
        self.tags = tags_in_force()
        self.outer = around = framework_calls.current.get()
        if around is not None and not self.of_framework:
            around.hear(self)
        self.partial: dict[str, Any] = {}
        self.sent_ns = time.time_ns()
        self.started_ns = time.perf_counter_ns()

    def identify(self, key: str, created: float | None) -> None:
        """Derive the event's id and time from the answer, which may be read more than once.

        Parameters
        ----------
        key : str
            Identifies the answer.
        created : float or None
            When it was made, in Unix seconds; None if unknown: then each reading is a new event.
        """
        self.started_ns = 0  # how long the reading took is not how long the call took
        if created is not None:
            self.sent_ns = int(created * 1e9)
            self.id = uuid7_from(key, int(created * 1000))

    def answered(self, response: Any) -> None:
        """Record a complete response."""
        api = self.api
        found = api.fast_reader(response)
        if found is not None:
            self._end("ok", NONE, found=found)
        else:
            self._end("ok", NONE if api.request_only else fields(response))

    def saw(self, response: Any) -> None:
        """Note a response before it is parsed: it was charged even if parsing fails."""
        self.answer = fields(response)

    def failed(self, error: BaseException) -> None:
        """Record a call that raised: charged only if the answer, or the error's body, states usage."""
        answer = self.answer
        if answer is None:
            body = getattr(error, "body", None)
            answer = body if isinstance(body, Mapping) else NONE
        self._end("aborted" if _is_cut(error) else "error", answer, error=error)

    def refused(self, reason: str) -> None:
        """Record an error of which only the name is known, e.g. ``HTTP 429``, before the exception is created."""
        self._end("error", NONE, error=reason)

    def item(self, item: Any) -> bool:
        """Add one item of a stream.

        Returns
        -------
        bool
            Whether this item states usage.
        """
        try:
            partial = self.partial
            before = partial.get("usage")
            written = self.api.accumulate(partial, fields(item))
            if written:
                if not self.written:
                    self.first_token_ns = time.perf_counter_ns()
                self.written += written
            return partial.get("usage") is not before
        except Exception as error:  # noqa: BLE001 (never into the caller's loop)
            internal_errors.swallow("capture.item", error)
            return False

    def finished(self) -> None:
        """Record a stream that was read to its end."""
        self._end("ok", self.partial)

    def cut(self, error: BaseException | None = None) -> None:
        """Record a stream that ended early: closed, dropped, cancelled or broken."""
        partial = self.partial
        if partial.get("complete"):
            # Left after the last word, as one does at a finish reason: nothing is missing.
            self._end("ok", partial)
        elif error is not None and not partial and not _is_cut(error):
            self._end("error", NONE, error=error)
        else:
            self._end("aborted", partial, error=error, estimated=True)

    def _end(
        self,
        status: Status,
        answer: Fields,
        *,
        error: BaseException | str | None = None,
        estimated: bool = False,
        found: Found | None = None,
    ) -> None:
        if self.done:
            return
        self.done = True
        try:
            if self.api.skip is not None and self.api.skip(answer):
                if self.api.begun is not None:
                    self.api.begun(answer, self.request)
                return
            if found is None:
                found = self.read(answer, estimated=estimated)
            # Only true: an image's answer has a background as well, the one it is painted on.
            if found.get("background") is True and not self._first_sight(found):
                return
            if status != "ok" or estimated or self.id or self.batch or not self._record_counts(found):
                measured: Measured = "estimated" if estimated else "exact"
                recorder.record(self._event(found, status, measured, error), once=self.id is not None)
            if self.outer is not None:
                self.status, self.found = status, found
                self.outer.hear(self)
        except Exception as fault:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("capture.record", fault)
        finally:
            # No prompt or answer outlives the call because of us.
            self.request = self.answer = NONE
            self.partial = {}

    def _first_sight(self, found: Found) -> bool:
        """Return whether a background response, which can be fetched many times, is seen for the first time."""
        response_id, created = str(found.get("response_id")), found.get("created")
        self.identify(response_id, created if isinstance(created, int | float) else None)
        return seen_ids.remember(f"background {response_id}")

    def read(self, answer: Fields, *, estimated: bool = False) -> Found:
        """Read an answer; of one that cannot be read only the names count, but the call was made all the same."""
        api = self.api
        try:
            found = api.read(answer)
            for rule in api.rules:
                rule(found, answer, self.request)
            if estimated:
                self._estimate(found)
        except Exception as fault:  # noqa: BLE001 (a provider may answer anything)
            found = {name: value for name, value in api.read(answer).items() if name in _NAMES}
            found["warnings"] = _unreadable(fault)
        return found

    def _estimate(self, found: Found) -> None:
        """Fill in what the provider did not get to say, where text tells it."""
        if not self.api.is_text:
            return
        if found.get("input_tokens") is None:
            guess = token_estimate.prompt_tokens(self.request)
            if guess is not None:
                found["input_tokens"] = guess
        found["output_tokens"] = max(found.get("output_tokens") or 0, token_estimate.tokens(self.written))

    def _record_counts(self, found: Found) -> bool:
        """Record an answer that says no more than counts and names, if this is one."""
        get, asked, response_id = found.get, self.model, found.get("response_id")
        if type(response_id) is not str or not self.started_ns or "warnings" in found:
            return False
        if not response_id.isascii() or "\0" in response_id or len(response_id) > LONGEST_RESPONSE_ID:
            return False  # It may have to be made storable.
        kind = (
            self.provider,
            self.api.operation,
            get("model") or asked or "unknown",
            asked,
            get("service_tier"),
            get("speed"),
            get("region") or self.region,
        )
        started, first = self.started_ns, self.first_token_ns
        own: dict[str, Any] = {
            "id": uuid7(),
            "occurred_at": utc_text(self.sent_ns),
            "latency_ms": (time.perf_counter_ns() - started) * _MS,
            "response_id": response_id,
        }
        if first:
            own["time_to_first_token_ms"] = (first - started) * _MS
        if self.attempts != 1:
            own["attempts"] = self.attempts
        if self.tags:
            own["tags"] = self.tags
        if not recorder.record_counts(kind, found, own):
            return False
        seen_ids.remember(response_id)
        return True

    def _event(self, found: Found, status: Status, measured: Measured, error: BaseException | str | None) -> Event:
        now, started = time.perf_counter_ns(), self.started_ns
        first = self.first_token_ns
        get, asked = found.get, self.model
        response_id = get("response_id")
        if response_id:
            response_id = str(response_id)
            seen_ids.remember(response_id)
        try:
            usage, warnings = usage_of(found)
        except Exception as fault:  # noqa: BLE001 (a provider may answer anything)
            usage, warnings = Usage(), _unreadable(fault)
        return Event(
            id=self.id or uuid7(),
            occurred_at=utc_time(self.sent_ns),
            provider=self.provider,
            model=str(get("model") or asked or "unknown"),
            operation=self.api.operation,
            requested_model=None if asked is None else str(asked),
            usage=usage,
            service_tier=_text(get("service_tier")),
            speed=_text(get("speed")),
            region=_text(get("region") or self.region),
            batch=self.batch,
            latency_ms=(now - started) * _MS if started else None,
            time_to_first_token_ms=(first - started) * _MS if first and started else None,
            attempts=self.attempts,
            status=status,
            error_type=type(error).__name__ if isinstance(error, BaseException) else error,
            measured=measured,
            response_id=response_id or None,
            project=config.for_recording().project,
            tags=self.tags,
            warnings=get("warnings", ()) + warnings,
        )


def _unreadable(fault: Exception) -> tuple[str]:
    internal_errors.swallow("capture.read", fault)
    return (storable(f"usage cannot be read: {fault}", _LONGEST_WARNING),)


def _text(value: Any) -> str | None:
    """Return a name as the text that an event holds, whatever a server sent in its place."""
    return value if value is None or type(value) is str else str(value)


def _is_cut(error: BaseException) -> bool:
    return isinstance(error, _CUT) or type(error).__name__ == "CancelledError"
