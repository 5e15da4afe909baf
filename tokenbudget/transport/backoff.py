"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 60.0
_LONGEST_ASKED = 3600.0


def delay(failures: int, asked: float | None = None, *, longest: float = LONGEST_SECONDS) -> float:
    """Return the seconds to wait after `failures` attempts in a row.

    The delay grows exponentially, with full jitter, so that many clients do not retry at the same time.  The server's
    ``Retry-After`` (`asked`) is a lower bound, up to an hour.
    """
    ceiling = min(longest, FIRST_SECONDS * 2 ** min(failures, 16))
    jittered = random.uniform(FIRST_SECONDS / 2, ceiling)  # noqa: S311 (spreads load, keeps no secret)
    return max(jittered, min(asked or 0.0, _LONGEST_ASKED))


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read ``Retry-After``: seconds or an HTTP date; None when there is none or it cannot be read.

    Examples
    --------
    >>> retry_after("7")
    7.0
    """
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None
