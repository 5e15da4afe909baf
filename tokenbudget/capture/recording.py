"""`record`: the door for calls that no client of ours makes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tokenbudget import config, runtime
from tokenbudget.capture import recent
from tokenbudget.capture.context import checked, current_tags, merged
from tokenbudget.core.errors import UsageError
from tokenbudget.core.event import Event, Measured, Scalar, Status, decode, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.providers import canonical
from tokenbudget.core.usage import Usage, check


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
    """Record one model call that no wrapped client made: your own HTTP request, a local model, another tool's log.

    Parameters
    ----------
    provider, model : str
        Who bills the call, and the model as the response names it.
    usage : Usage or mapping
        Counts by the names of `tokenbudget.core.usage.Usage`; input includes cached, output includes reasoning tokens.
    operation, requested_model, service_tier, speed, region, batch, latency_ms, status, error_type, measured, metadata
        As in `tokenbudget.core.event.Event`.
    occurred_at : datetime, optional
        When the request was sent, time-zone aware; now by default.
    response_id : str, optional
        The provider's id of the response: one that this process recorded lately is not recorded again.
    tags : mapping, optional
        Laid over the tags in force here.

    Raises
    ------
    UsageError
        If the usage or another value is not understood; the text names it.
    TagError
        If a tag is out of bounds.

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
    if occurred_at is not None and occurred_at.tzinfo is None:
        msg = f"occurred_at must say its time zone, got {occurred_at.isoformat()}: e.g. datetime.now(UTC)"
        raise UsageError(msg)
    event = Event(
        id=uuid7(),
        occurred_at=(occurred_at or datetime.now(UTC)).astimezone(UTC),
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
    if response_id is None or recent.remember(response_id):
        runtime.record(event)


def _as_stored(event: Event) -> Event:
    """Write and read an event once: what would not come back is refused here, not found missing later."""
    try:
        return decode(encode(event))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        msg = f"the call cannot be recorded: {error}"
        raise UsageError(msg) from error


def as_usage(usage: Usage | Mapping[str, Any]) -> Usage:
    """Make a `Usage` of a mapping by the names of its fields.

    Raises
    ------
    UsageError
        If a name is not a field's, or a value not of its type.

    Examples
    --------
    >>> as_usage({"input_tokens": 3, "tools": {"web_search": 1}}).tools
    {'web_search': 1}
    """
    if isinstance(usage, Usage):
        return usage
    known = Usage.__struct_fields__
    if unknown := [name for name in usage if name not in known]:
        msg = f"usage has no field {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        raise UsageError(msg)
    cost = usage.get("reported_cost_usd")
    exact = {**usage, "reported_cost_usd": Decimal(str(cost))} if isinstance(cost, float) else usage
    try:
        return msgspec.convert(exact, Usage)
    except msgspec.ValidationError as error:
        msg = f"usage cannot be read: {error}"
        raise UsageError(msg) from error
