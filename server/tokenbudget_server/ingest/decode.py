"""Read events out of a body, so that a malformed one does not spoil the others.

Every body is read strictly, at once.  Where a text holds what JSON in UTF-8 cannot, the text is mended and read again.
Whatever a body holds, its elements are counted before anything is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tokenbudget.core.event import Billing, Event, Measured, Source, Status
from tokenbudget.core.sanitize import replaced
from tokenbudget_server.ingest.mend import LARGEST_MENDED, MARK, NotMendableError, mend
from tokenbudget_server.web.problems import FieldError, ProblemError

MOST_EVENTS = 1_000
MOST_VALUES = 2_000
"""Values of an event: far more than any is stored with, and few enough to be read in a millisecond."""
_SMALL = 16 * 2**10
"""Bytes of an event that cannot hold too many values."""
_LONGEST_REASON = 300
_SHAPE = 'send {"events": [ … ]}'
_MISSING = re.compile(r"Object missing required field `(.*)`")
_AT = " - at `$"
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
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Piece: TypeAlias = bytes | Raw
"""The JSON of an event."""


class Malformed(NamedTuple):
    """An event that cannot be read: its id as far as it can be, and what is wrong where."""

    id: str
    field: str
    reason: str


# Decoding to a list would build each element before they can be counted.  msgspec skips what is beyond the last field.
_Pieces: Any = msgspec.defstruct(
    "_Pieces", [(f"n{number}", Raw | UnsetType, UNSET) for number in range(MOST_EVENTS + 1)], array_like=True, gc=False
)


class _RawBatch(msgspec.Struct):
    events: _Pieces


class _Identified(msgspec.Struct):
    id: str | int | float | bool | None = ""


_event = msgspec.json.Decoder(Event).decode
_raw_batch = msgspec.json.Decoder(_RawBatch).decode
_identified = msgspec.json.Decoder(_Identified).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def decode_event(body: bytes) -> Event:
    """Read a body that is one event.

    Raises
    ------
    ProblemError
        400, saying what is wrong and where.
    """
    event = _read_counted(body)
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
    try:
        pieces = _split(body)
    except _NO_JSON as error:
        if isinstance(error, msgspec.ValidationError):
            raise _no_batch(error) from None
        if isinstance(error, RecursionError):
            raise ProblemError(400, f"the body is nested too deeply: {_SHAPE}") from None
        return map(_read_mended, _split_mended(body, error))
    return map(_read if _are_small(pieces) else _read_counted, pieces)


def explain(error: Exception) -> tuple[str, str]:
    """Split msgspec's message into the field and the reason.

    Examples
    --------
    >>> explain(ValueError("Expected `int`, got `str` - at `$.usage.input_tokens`"))
    ('usage.input_tokens', 'Expected `int`, got `str`')
    """
    text = str(error)
    reason, at, place = text.rpartition(_AT) if text.endswith("`") else ("", "", "")
    field = place[:-1].removeprefix(".")
    if not at:
        field, reason = "", text
    if missing := _MISSING.fullmatch(reason):
        field = f"{field}.{missing[1]}".lstrip(".")
        return field, f"is missing{_SEND.get(field, '')}"
    if len(reason) > _LONGEST_REASON:  # It may quote what was sent.
        reason = f"{reason[:_LONGEST_REASON]}…"
    return field, f"{reason}: send {' or '.join(_ONE_OF[field])}" if field in _ONE_OF else reason


def _split(body: bytes) -> Iterable[Raw]:
    """Cut a body into the JSON of its events."""
    pieces = msgspec.structs.astuple(_raw_batch(body).events)
    if pieces[-1] is not UNSET:
        raise ProblemError(413, f"there are more than {MOST_EVENTS} events: send at most {MOST_EVENTS} in one request")
    return pieces[: pieces.index(UNSET)]


def _split_mended(body: bytes, error: Exception) -> Iterable[Raw]:
    """Cut a body in which a text holds what JSON in UTF-8 cannot, so that the other events are read as they are."""
    try:
        return _split(mend(body))
    except NotMendableError as reason:
        status = 413 if len(body) > LARGEST_MENDED else 400
        raise ProblemError(status, f"the body is not JSON: {error}. {reason}") from None
    except _NO_JSON as still:
        if isinstance(still, msgspec.ValidationError):
            raise _no_batch(still) from None
        field = FieldError(field="", reason=str(error))
        raise ProblemError(400, f"the body is not JSON: {error}. {_SHAPE}", [field]) from None


def _no_batch(error: msgspec.ValidationError) -> ProblemError:
    field, reason = explain(error)
    return ProblemError(400, f"the body is not a batch of events: {_SHAPE}", [FieldError(field=field, reason=reason)])


def _are_small(pieces: Iterable[Raw]) -> bool:
    """Whether no piece can hold too many values: one look at all costs less than one at each."""
    return max(map(len, map(memoryview, pieces)), default=0) <= _SMALL  # type: ignore[arg-type]


def _read_counted(piece: Piece) -> Event | Malformed:
    if _has_too_many_values(piece):
        return Malformed(
            _read_id(piece), "", f"has more than {MOST_VALUES} values: send what was counted, and nothing else"
        )
    return _read(piece)


def _read(piece: Piece) -> Event | Malformed:
    try:
        return _event(piece)
    except _NO_JSON as error:
        return _read_leniently(piece, error)


def _has_too_many_values(piece: Piece) -> bool:
    view = memoryview(piece)
    if len(view) <= _SMALL:
        return False
    text = bytes(view)
    # Each value has a quote or a comma beside it, so that counting these bounds the number of values.
    return text.count(b'"') > 2 * MOST_VALUES and text.count(b",") > MOST_VALUES


def _read_leniently(piece: Piece, error: Exception) -> Event | Malformed:
    """Read an event in which a text holds what JSON in UTF-8 cannot."""
    if not isinstance(error, msgspec.ValidationError | RecursionError):
        try:
            return _read_mended(mend(bytes(piece)))
        except NotMendableError:  # Or it is no JSON at all.
            pass
    return Malformed(_read_id(piece), *explain(error))


def _read_mended(piece: Piece) -> Event | Malformed:
    """Read an event of a text that was mended; its warnings tell in which fields."""
    if _has_too_many_values(piece):
        return _read_counted(piece)
    try:
        event = _event(piece)
    except _NO_JSON as error:
        return Malformed(_read_id(piece), *explain(error))
    if MARK not in bytes(piece):
        return event
    said = [replaced(name) for name, value in _fields(piece).items() if MARK in bytes(value)]
    return msgspec.structs.replace(event, warnings=(*event.warnings, *said))


def _read_id(piece: Piece) -> str:
    try:
        return str(_identified(piece).id)[:64]
    except _NO_JSON:
        return ""
