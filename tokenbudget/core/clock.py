"""Points in time, as the clock gives them and as events hold them."""

from __future__ import annotations

from datetime import UTC, datetime

_minute: tuple[int, str] = (-1, "")
"""The minute written last, and its text: most calls follow others soon."""


def utc_time(unix_ns: int) -> datetime:
    """Return the time, in UTC and whole microseconds, that many nanoseconds after 1970.

    Examples
    --------
    >>> utc_time(1_700_000_000_123_456_789)
    datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=datetime.timezone.utc)
    """
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ns // 1000)


def utc_text(unix_ns: int) -> str:
    """Write the same time as JSON has it.

    Examples
    --------
    >>> utc_text(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456Z'
    """
    global _minute  # noqa: PLW0603
    minute, us = divmod(unix_ns // 1000, 60_000_000)
    known, text = _minute
    if known != minute:
        text = utc_time(minute * 60_000_000_000).isoformat()[:17]
        _minute = (minute, text)
    return f"{text}{us // 1_000_000:02}.{us % 1_000_000:06}Z"
