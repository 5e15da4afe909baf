"""For your own tests: collect the events that would be recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tokenbudget.core.event import Event
from tokenbudget.recording import recorder

__all__ = ["capture_events"]


@contextmanager
def capture_events() -> Iterator[list[Event]]:
    """Collect events, priced, instead of writing them to the journal.

    Yields
    ------
    list of Event
        The events of all threads so far; complete when the block ends.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> with capture_events() as events:
    ...     tb.record(provider="openai", model="gpt-4o-mini", usage={"input_tokens": 10, "output_tokens": 2})
    >>> events[0].usage.total_tokens
    12
    """
    from tokenbudget.pricing import priced

    events: list[Event] = []
    before = recorder.set_sink(lambda event: events.append(event if _has_price(event) else priced(event)))
    try:
        yield events
    finally:
        recorder.settle_streams()
        recorder.set_sink(before)


def _has_price(event: Event) -> bool:
    return event.cost_usd is not None or event.unpriced is not None
