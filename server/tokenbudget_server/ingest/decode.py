"""Read events out of a body, so that a malformed one does not spoil the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

import msgspec

from tokenbudget.core.event import Billing, Event, Measured, Source, Status
from tokenbudget.core.limits import REPLACEMENT
from tokenbudget.core.sanitize import replaced
from tokenbudget_server.web.problems import FieldError, ProblemError

MOST_EVENTS = 1_000
_SHAPE = 'send {"events": [ … ]}'
_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_ONE_OF = {
    "status": get_args(Status),
    "measured": get_args(Measured),
    "source": get_args(Source),
    "billing": get_args(Billing),
}
_SEND = {
    "id": ": send a UUID that is made once for the call, and is the same with every retry",
    "occurred_at": ": send when the call was made, the same with every retry",
}
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, as JavaScript may send it; also what a byte that is not UTF-8 is read as."""


class Malformed(NamedTuple):
    """An event that cannot be read: its id as far as it can be, and what is wrong where."""

    id: str
    field: str
    reason: str


class _RawBatch(msgspec.Struct):
    events: list[msgspec.Raw]


class _Identified(msgspec.Struct):
    id: Any = ""


_event = msgspec.json.Decoder(Event).decode
_raw_batch = msgspec.json.Decoder(_RawBatch).decode
_identified = msgspec.json.Decoder(_Identified).decode


def decode_event(body: bytes) -> Event:
    """Read a body that is one event.

    Raises
    ------
    ProblemError
        400, saying what is wrong and where.
    """
    event = _read(body)
    if isinstance(event, Malformed):
        raise ProblemError(400, "the body is not an event", [FieldError(field=event.field, reason=event.reason)])
    return event


def decode_batch(body: bytes) -> Iterator[Event | Malformed]:
    """Read a body of several events, one after the other: what is done with each finds it in the CPU's cache.

    Raises
    ------
    ProblemError
        400 when the body is not ``{"events": [...]}``, 413 when it holds more than 1000.
    """
    return map(_read, _split(body))


def explain(error: Exception) -> tuple[str, str]:
    """Split msgspec's message into the field and the reason.

    Examples
    --------
    >>> explain(ValueError("Expected `int`, got `str` - at `$.usage.input_tokens`"))
    ('usage.input_tokens', 'Expected `int`, got `str`')
    """
    text = str(error)
    match = _AT.search(text)
    field, reason = (match[1], text[: match.start()]) if match else ("", text)
    if missing := _MISSING.fullmatch(reason):
        field = f"{field}.{missing[1]}".lstrip(".")
        return field, f"is missing{_SEND.get(field, '')}"
    return field, f"{reason}: send {' or '.join(_ONE_OF[field])}" if field in _ONE_OF else reason


def _split(body: bytes) -> Iterable[bytes | msgspec.Raw]:
    """Cut a body into the JSON of its events."""
    try:
        pieces = _raw_batch(body).events
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise ProblemError(
            400, f"the body is not a batch of events: {_SHAPE}", [FieldError(field=field, reason=reason)]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _split_leniently(body, error)
    _refuse_more_than_the_most(len(pieces))
    return pieces


def _split_leniently(body: bytes, error: Exception) -> list[bytes]:
    """Cut a body in which a text holds what JSON in UTF-8 cannot, so that the other events are read as they are."""
    try:
        events = _loads(body)["events"]
        _refuse_more_than_the_most(len(events))
        return [_without_halves(event) for event in events]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProblemError(
            400, f"the body is not JSON: {error}. {_SHAPE}", [FieldError(field="", reason=str(error))]
        ) from None


def _refuse_more_than_the_most(count: int) -> None:
    if count > MOST_EVENTS:
        raise ProblemError(413, f"{count} events are too many for one request: send at most {MOST_EVENTS}")


def _loads(piece: bytes | msgspec.Raw) -> Any:
    return json.loads(bytes(piece).decode("utf-8", "surrogateescape"))


def _without_halves(event: Any) -> bytes:
    """Write an event anew with the replacement character for half a surrogate pair, which its warnings tell of."""
    text = json.dumps(event, ensure_ascii=False)
    if _HALF.search(text) is None:
        return text.encode()
    if isinstance(event, dict):
        said = [replaced(name) for name, value in event.items() if _HALF.search(json.dumps(value, ensure_ascii=False))]
        if isinstance(warnings := event.get("warnings", []), list):
            text = json.dumps({**event, "warnings": [*warnings, *said]}, ensure_ascii=False)
    return _HALF.sub(REPLACEMENT, text).encode()


def _read(piece: bytes | msgspec.Raw) -> Event | Malformed:
    try:
        return _event(piece)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _read_leniently(piece, error)


def _read_leniently(piece: bytes | msgspec.Raw, error: Exception) -> Event | Malformed:
    """Read an event in which a text holds what JSON in UTF-8 cannot."""
    if not isinstance(error, msgspec.ValidationError):
        try:
            piece = _without_halves(_loads(piece))
            return _event(piece)
        except msgspec.DecodeError as fault:
            error = fault
        except (ValueError, RecursionError):  # It is no JSON at all.
            pass
    return Malformed(_read_id(piece), *explain(error))


def _read_id(piece: bytes | msgspec.Raw) -> str:
    try:
        return str(_identified(piece).id)[:64]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
