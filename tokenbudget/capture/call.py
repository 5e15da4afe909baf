"""One observed model call, from request to event: the single place where sync, async and streams meet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from tokenbudget import config, faults, runtime
from tokenbudget.capture import estimate, outer, recent
from tokenbudget.capture.api import Api, Found
from tokenbudget.capture.context import tags_in_force
from tokenbudget.capture.fields import NONE, Fields, fields
from tokenbudget.core.event import Event, Measured, Status
from tokenbudget.core.ids import uuid7, uuid7_from
from tokenbudget.core.usage import INPUT_PARTS, OUTPUT_PARTS, TOKEN_FIELDS, Usage, check

_TOKENS = frozenset(TOKEN_FIELDS)
_USAGE = frozenset(Usage.__struct_fields__) - _TOKENS
_TOTALS = frozenset({"input_tokens", "output_tokens"})
_SIGNS = (
    {"input_tokens": (1, 0), "output_tokens": (0, 1)}
    | dict.fromkeys(INPUT_PARTS, (-1, 0))
    | dict.fromkeys(OUTPUT_PARTS, (0, -1))
)
"""What a count leaves room for, or takes, on either side."""
_NAMES = frozenset({"background", "created", "model", "region", "response_id", "service_tier", "speed"})
"""What is read of an answer beside its usage."""
_LONGEST_WARNING = 200
_MS = 1e-6
_CUT = (GeneratorExit, KeyboardInterrupt, SystemExit)


class Call:
    """A model call under observation.

    A seam makes one before the request, then reports what came of it, once: `answered`, `failed`, or for a stream
    `item` for each item and then `finished` or `cut`.  None of these ever raises.

    Parameters
    ----------
    api : Api
        The API called.
    provider : str
        Who bills it.
    request : mapping
        The request's body; read for what the response does not say, dropped at the end.
    model : str, optional
        The model asked for, where the body does not name it.
    region : str, optional
        Where it runs, where the address says so.
    """

    attempts = 1
    sends = 0
    batch = False
    done = False
    id: str | None = None
    answer: Fields | None = None
    written = 0
    first_token_ns = 0

    def __init__(
        self, api: Api, provider: str, request: Fields, *, model: str | None = None, region: str | None = None
    ) -> None:
        self.api = api
        self.provider = provider
        self.request = request
        self.model = model or request.get("model")
        self.region = region
        self.tags = tags_in_force()
        self.outer = outer.current.get()
        self.partial: dict[str, Any] = {}
        self.occurred_at = datetime.now(UTC)
        self.started_ns = time.perf_counter_ns()

    def identify(self, key: str, created: float | None) -> None:
        """Give the event an id and a time that follow from the answer, which may be read more than once.

        Parameters
        ----------
        key : str
            What tells this answer from every other.
        created : float or None
            When it was made, Unix seconds; None: not known, so it is new each time.
        """
        self.started_ns = 0  # how long the reading took is not how long the call took
        if created is not None:
            self.occurred_at = datetime.fromtimestamp(created, UTC)
            self.id = uuid7_from(key, int(created * 1000))

    def answered(self, response: Any) -> None:
        """Record a response that came whole."""
        self._end("ok", fields(response))

    def saw(self, response: Any) -> None:
        """Take note of a response that is still to be parsed: if parsing fails, it was paid for all the same."""
        self.answer = fields(response)

    def failed(self, error: BaseException) -> None:
        """Record a call that raised: charged only if the answer, or the error's body, states usage."""
        answer = self.answer
        if answer is None:
            body = getattr(error, "body", None)
            answer = body if isinstance(body, Mapping) else NONE
        self._end("aborted" if _is_cut(error) else "error", answer, error=error)

    def refused(self, reason: str) -> None:
        """Record an error that is known by its name only, e.g. ``HTTP 429``: what is raised is made of it later."""
        self._end("error", NONE, error=reason)

    def item(self, item: Any) -> bool:
        """Take one item of a stream into account.

        Returns
        -------
        bool
            Whether this item states usage.
        """
        try:
            partial = self.partial
            before = partial.get("usage")
            written = self.api.fold(partial, fields(item))
            if written:
                if not self.written:
                    self.first_token_ns = time.perf_counter_ns()
                self.written += written
            return partial.get("usage") is not before
        except Exception as error:  # noqa: BLE001 (never into the caller's loop)
            faults.swallow("capture.item", error)
            return False

    def finished(self) -> None:
        """Record a stream that was read to its end."""
        self._end("ok", self.partial)

    def cut(self, error: BaseException | None = None) -> None:
        """Record a stream that ended early: closed, dropped, cancelled or broken."""
        if self.partial.get("complete"):
            # Left after the last word, as one does at a finish reason: nothing is missing.
            self._end("ok", self.partial)
        elif error is not None and not self.partial and not _is_cut(error):
            self._end("error", NONE, error=error)
        else:
            self._end("aborted", self.partial, error=error, estimated=True)

    def _end(
        self, status: Status, answer: Fields, *, error: BaseException | str | None = None, estimated: bool = False
    ) -> None:
        if self.done:
            return
        self.done = True
        try:
            if self.api.skip is not None and self.api.skip(answer):
                return
            found = self._understand(answer, estimated=estimated)
            # Only true: an image's answer has a background as well, the one it is painted on.
            if found.get("background") is True and not self._first_sight(found):
                return
            measured: Measured = "estimated" if estimated else "exact"
            runtime.record(self._event(found, status, measured, error), once=self.id is not None)
            if self.outer is not None:
                self.outer.tell()
        except Exception as fault:  # noqa: BLE001 (never into the host program)
            faults.swallow("capture.record", fault)
        finally:
            # Nobody's prompt or answer outlives the call because of us.
            self.request = self.answer = NONE
            self.partial = {}

    def _first_sight(self, found: Found) -> bool:
        """Tell whether a background response, which can be fetched many times, is seen for the first time."""
        response_id, created = str(found.get("response_id")), found.get("created")
        self.identify(response_id, created if isinstance(created, int | float) else None)
        return recent.remember(f"background {response_id}")

    def _understand(self, answer: Fields, *, estimated: bool) -> Found:
        """Read an answer; the usage of one that cannot be read is unknown, but the call was made all the same."""
        api = self.api
        try:
            found = api.read(answer)
            for rule in api.rules:
                rule(found, answer, self.request)
            if estimated:
                self._estimate(found)
            found["usage"], found["warnings"] = usage_of(found)
        except Exception as fault:  # noqa: BLE001 (a provider may answer anything)
            faults.swallow("capture.read", fault)
            found = {name: value for name, value in api.read(answer).items() if name in _NAMES}
            found |= {"usage": Usage(), "warnings": (f"usage cannot be read: {fault}"[:_LONGEST_WARNING],)}
        return found

    def _estimate(self, found: Found) -> None:
        """Fill in what the provider did not get to say."""
        if found.get("input_tokens") is None:
            guess = estimate.prompt_tokens(self.request)
            if guess is not None:
                found["input_tokens"] = guess
        found["output_tokens"] = max(found.get("output_tokens") or 0, estimate.tokens(self.written))

    def _event(self, found: Found, status: Status, measured: Measured, error: BaseException | str | None) -> Event:
        now, started = time.perf_counter_ns(), self.started_ns
        first = self.first_token_ns
        get, asked = found.get, self.model
        model = get("model") or asked or "unknown"
        response_id = get("response_id")
        if response_id:
            response_id = str(response_id)
            recent.remember(response_id)
        event = Event(
            id=self.id or uuid7(),
            occurred_at=self.occurred_at,
            provider=self.provider,
            model=str(model),
            operation=self.api.operation,
            requested_model=None if asked is None else str(asked),
            usage=found["usage"],
            service_tier=_text(get("service_tier")),
            region=_text(get("region") or self.region),
            latency_ms=(now - started) * _MS if started else None,
            time_to_first_token_ms=(first - started) * _MS if first and started else None,
            attempts=self.attempts,
            response_id=response_id or None,
            project=config.for_recording().project,
            tags=self.tags,
        )
        # What is seldom there comes after: a call with more than 15 keywords costs Python three times as much.
        speed, warnings = get("speed"), found["warnings"]
        if status == "ok" and measured == "exact" and not (speed or warnings or self.batch):
            return event
        error_type = type(error).__name__ if isinstance(error, BaseException) else error
        return replace(
            event,
            speed=_text(speed),
            batch=self.batch,
            status=status,
            error_type=error_type,
            measured=measured,
            warnings=warnings,
        )


def usage_of(found: Found) -> tuple[Usage, tuple[str, ...]]:
    """Make a consistent `Usage` of what was read, with a warning for each contradiction.

    Examples
    --------
    >>> usage_of({"input_tokens": 10, "cache_read_tokens": 12, "model": "m"})[1]
    ('cache_read_tokens 12 > input_tokens 10',)
    """
    named: dict[str, Any] = {}
    room_in = room_out = 0
    plain = True
    for name, value in found.items():
        if not value and name not in _TOTALS:
            continue
        # Tell the usual case, where nothing can contradict anything, without the full check's price.
        sign = _SIGNS.get(name)
        if sign is not None:
            named[name] = count = value if type(value) is int else int(value)
            plain = plain and count >= 0
            room_in += sign[0] * count
            room_out += sign[1] * count
        elif name in _TOKENS:
            named[name] = int(value)
            plain = False
        elif name == "tools":
            named[name] = {tool: int(calls) for tool, calls in value.items()}
        elif name in _USAGE:
            named[name] = value
            plain = plain and name != "passes"
    usage = Usage(**named)
    return (usage, ()) if plain and room_in >= 0 and room_out >= 0 else check(usage)


def _text(value: Any) -> str | None:
    """Give a name as the text that an event holds, whatever a server sent in its place."""
    return value if value is None or type(value) is str else str(value)


def _is_cut(error: BaseException) -> bool:
    return isinstance(error, _CUT) or type(error).__name__ == "CancelledError"
