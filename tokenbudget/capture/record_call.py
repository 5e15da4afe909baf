"""`record`: record a call that no wrapped client made."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.capture.tagging import checked, current_tags, merged
from tokenbudget.core.errors import UsageError
from tokenbudget.core.event import Event, Measured, Scalar, Status, decode, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.providers import canonical
from tokenbudget.core.sanitize import sanitized
from tokenbudget.core.usage import TOKEN_FIELDS, Usage, check
from tokenbudget.recording import recorder

_MOST = 10**15
"""More than any call uses, and less than the columns of counts and costs can hold."""


def record(  # noqa: PLR0913 (one keyword per field of an event)
    *,
    provider: str,
    model: str,
    usage: Usage | Mapping[str, Any],
    operation: str = "chat",
    requested_model: str | None = None,
    service_tier: str | None = None,
    speed: str | None = None,
    region: str | None = None,
    batch: bool = False,
    occurred_at: datetime | None = None,
    latency_ms: float | None = None,
    status: Status = "ok",
    error_type: str | None = None,
    measured: Measured = "exact",
    response_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Scalar] | None = None,
) -> None:
    """Record a model call that no wrapped client made: your own HTTP request, a local model, another tool's log.

    Parameters
    ----------
    provider, model : str
        Who bills the call, and the model as the response names it.
    usage : Usage or mapping
        Counts by the field names of `tokenbudget.core.usage.Usage`.  Input tokens include cached tokens, output tokens
        include reasoning tokens.
    operation, requested_model, service_tier, speed, region, batch, latency_ms, status, error_type, measured, metadata
        As in `tokenbudget.core.event.Event`.
    occurred_at : datetime, optional
        When the request was sent (time-zone aware); now by default.
    response_id : str, optional
        The provider's id of the response.  An id that this process recorded recently is not recorded again.
    tags : mapping, optional
        Added to the tags in force; they replace those of the same name.

    Raises
    ------
    UsageError
        If the usage or another value is not valid; the message names it.
    TagError
        If a tag is not valid.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> from tokenbudget.testing import capture_events
    >>> with capture_events() as events:
    ...     tb.record(provider="openai", model="gpt-4o-mini", usage={"input_tokens": 1000, "output_tokens": 100})
    >>> events[0].cost_usd
    Decimal('0.000210000000')
    """
    measured_usage, warnings = check(as_usage(usage))
    named: dict[str, Any] = {"provider": provider, "model": model}
    for name, given in named.items():
        if not isinstance(given, str) or not given.strip():
            raise UsageError(_said(name, given, "a name", '"openai"' if name == "provider" else '"gpt-4o-mini"'))
    if metadata is not None and not isinstance(metadata, Mapping):
        raise UsageError(_said("metadata", metadata, "a mapping", '{"run": 7}'))
    event = Event(
        id=uuid7(),
        occurred_at=datetime.now(UTC) if occurred_at is None else _instant(occurred_at),
        provider=canonical(provider),
        model=model,
        operation=operation,
        requested_model=requested_model,
        usage=measured_usage,
        service_tier=service_tier,
        speed=speed,
        region=region,
        batch=batch,
        latency_ms=latency_ms,
        status=status,
        error_type=error_type,
        measured=measured,
        response_id=response_id,
        project=config.for_recording().project,
        tags=merged(current_tags(), checked(tags or {})),
        metadata=dict(metadata or {}),
        warnings=warnings,
    )
    event = _as_stored(event)
    if latency_ms is not None and (event.latency_ms is None or event.latency_ms < 0):
        raise UsageError(_said("latency_ms", latency_ms, "milliseconds, 0 or more", "812.5"))
    if response_id is None or seen_ids.remember(response_id):
        recorder.record(event)


def _said(name: str, given: Any, expected: str, example: str) -> str:
    return f"tb.record: {name} must be {expected}, got {type(given).__name__} {given!r:.80}; e.g. {name}={example}"


def _instant(given: Any) -> datetime:
    """Return a time in UTC.

    Raises
    ------
    UsageError
        If it is no time, or does not say its zone.
    """
    if not isinstance(given, datetime) or given.tzinfo is None:
        raise UsageError(_said("occurred_at", given, "a datetime that says its time zone", "datetime.now(UTC)"))
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(_said("occurred_at", given, "a time that UTC has", "datetime.now(UTC)")) from error


def _as_stored(event: Event) -> Event:
    """Encode and decode an event, so that a value which cannot be stored is refused here and not lost later."""
    try:
        return decode(_encoded(event))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        # "Expected `str`, got `int` - at `$.operation`"
        reason, _, place = str(error).partition(" - at `$.")
        where = f"{place.rstrip('`')}: " if place else ""
        msg = f"tb.record: the call cannot be recorded: {where}{reason}"
        raise UsageError(msg) from error


def _encoded(event: Event) -> bytes:
    try:
        return encode(event)
    except UnicodeEncodeError:
        return encode(sanitized(event))


def as_usage(usage: Usage | Mapping[str, Any]) -> Usage:
    """Convert a mapping by field names into a `Usage`.

    Raises
    ------
    UsageError
        If a name is not a field, or a value has the wrong type.

    Examples
    --------
    >>> as_usage({"input_tokens": 3, "tools": {"web_search": 1}}).tools
    {'web_search': 1}
    """
    if isinstance(usage, Usage):
        return usage
    if not isinstance(usage, Mapping):
        raise UsageError(_said("usage", usage, "a Usage or a mapping", '{"input_tokens": 10, "output_tokens": 5}'))
    known = Usage.__struct_fields__
    if unknown := [name for name in usage if name not in known]:
        msg = f"usage has no field {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        raise UsageError(msg)
    try:
        read = msgspec.convert({name: _plain(name, value) for name, value in usage.items()}, Usage)
    except msgspec.ValidationError as error:
        msg = f"tb.record: usage cannot be read: {error}"
        raise UsageError(msg) from error
    amounts = {name: Decimal(getattr(read, name) or 0) for name in (*TOKEN_FIELDS, "reported_cost_usd")}
    for name, amount in (amounts | read.units).items():
        if not amount.is_finite() or amount > _MOST or (name not in TOKEN_FIELDS and amount < 0):
            raise UsageError(_said(f"usage, {name}", amount, "a number that can be billed", "10"))
    return read


def _plain(name: str, value: Any) -> Any:
    """Convert numbers of other libraries (a count in a frame) to Python's types, and money to its exact decimal."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return (
            Decimal(str(float(value))) if name == "reported_cost_usd" else int(value) if value.is_integer() else value
        )
    return operator.index(value) if hasattr(value, "__index__") else value
