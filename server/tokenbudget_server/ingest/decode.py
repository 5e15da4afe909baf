"""Read events out of a body, so that a malformed one does not spoil the others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from tokenbudget.core.event import Event, EventBatch
from tokenbudget_server.problems import FieldError, ProblemError

MOST_EVENTS = 1_000
_SHAPE = 'send {"events": [ … ]}'
_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`")

Malformed = tuple[int, str, str, str]
"""Index, id as far as it can be read, field, reason."""


class _RawBatch(msgspec.Struct):
    events: list[msgspec.Raw]


class _Identified(msgspec.Struct):
    id: Any = ""


_event = msgspec.json.Decoder(Event).decode
_batch = msgspec.json.Decoder(EventBatch).decode
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


def decode_batch(body: bytes) -> tuple[list[tuple[int, Event]], list[Malformed]]:
    """Read a body of several events.

    Returns
    -------
    list of (int, Event)
        The events that can be read, each with its index in the body.
    list of Malformed
        The others.

    Raises
    ------
    ProblemError
        400 when the body is not ``{"events": [...]}``, 413 when it holds more than 1000.
    """
    try:
        events: Sequence[Event] = _batch(body).events
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _one_by_one(_split(body))
    _check_count(len(events))
    return list(enumerate(events)), []


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


def _check_count(count: int) -> None:
    if count > MOST_EVENTS:
        raise ProblemError(413, f"{count} events are too many for one request: send at most {MOST_EVENTS}")


def _split(body: bytes) -> list[bytes]:
    """Cut a body into the JSON of its events."""
    try:
        pieces = [bytes(raw) for raw in _raw_batch(body).events]
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise ProblemError(
            400, f"the body is not a batch of events: {_SHAPE}", [FieldError(field=field, reason=reason)]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        pieces = _split_leniently(body, error)
    _check_count(len(pieces))
    return pieces


def _split_leniently(body: bytes, error: Exception) -> list[bytes]:
    """Cut a body in which a text holds half a surrogate pair, as JavaScript may send: only that event is malformed."""
    try:
        return [json.dumps(event).encode() for event in json.loads(body)["events"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProblemError(
            400, f"the body is not JSON: {error}. {_SHAPE}", [FieldError(field="", reason=str(error))]
        ) from None


def _one_by_one(pieces: list[bytes]) -> tuple[list[tuple[int, Event]], list[Malformed]]:
    events: list[tuple[int, Event]] = []
    malformed: list[Malformed] = []
    for index, piece in enumerate(pieces):
        try:
            events.append((index, _event(piece)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            malformed.append((index, _read_id(piece), *explain(error)))
    return events, malformed


def _read_id(piece: bytes) -> str:
    try:
        return str(_identified(piece).id)[:64]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
