"""Read events out of a body, so that a malformed one does not spoil the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tokenbudget.core.event import Event
from tokenbudget_server.web.problems import FieldError, ProblemError

MOST_EVENTS = 1_000
_SHAPE = 'send {"events": [ … ]}'
_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`")


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
    try:
        return _event(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        field, reason = explain(error)
        raise ProblemError(400, "the body is not an event", [FieldError(field=field, reason=reason)]) from None


def decode_batch(body: bytes) -> Iterator[Event | Malformed]:
    """Read a body of several events, one after the other: what is done with each finds it in the CPU's cache.

    Raises
    ------
    ProblemError
        400 when the body is not ``{"events": [...]}``, 413 when it holds more than 1000.
    """
    pieces = _split(body)
    if len(pieces) > MOST_EVENTS:
        raise ProblemError(413, f"{len(pieces)} events are too many for one request: send at most {MOST_EVENTS}")
    return map(_read, pieces)


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
        return f"{field}.{missing[1]}".lstrip("."), "is missing"
    return field, reason


def _split(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Cut a body into the JSON of its events."""
    try:
        return _raw_batch(body).events
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise ProblemError(
            400, f"the body is not a batch of events: {_SHAPE}", [FieldError(field=field, reason=reason)]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _split_leniently(body, error)


def _split_leniently(body: bytes, error: Exception) -> list[bytes]:
    """Cut a body in which a text holds half a surrogate pair, as JavaScript may send: only that event is malformed."""
    try:
        return [json.dumps(event).encode() for event in json.loads(body)["events"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProblemError(
            400, f"the body is not JSON: {error}. {_SHAPE}", [FieldError(field="", reason=str(error))]
        ) from None


def _read(piece: bytes | msgspec.Raw) -> Event | Malformed:
    try:
        return _event(piece)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Malformed(_read_id(piece), *explain(error))


def _read_id(piece: bytes | msgspec.Raw) -> str:
    try:
        return str(_identified(piece).id)[:64]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
