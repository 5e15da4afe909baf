"""Convert clock readings to the times in events."""

from __future__ import annotations

from datetime import UTC, datetime

_minute: tuple[int, str] = (-1, "")
"""The last minute and its text, cached because calls often follow each other quickly."""


def utc_time(unix_ns: int) -> datetime:
    """Convert nanoseconds since 1970 to a UTC datetime in whole microseconds.

    Examples
    --------
    >>> utc_time(1_700_000_000_123_456_789)
    datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=datetime.timezone.utc)
    """
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ns // 1000)


def utc_text(unix_ns: int) -> str:
    """Convert nanoseconds since 1970 to the text of a time in JSON.

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
