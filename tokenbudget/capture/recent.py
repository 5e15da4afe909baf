"""Response ids seen lately, so that one call reported twice (a wrapped client inside a framework) is recorded once."""

from __future__ import annotations

import contextlib

_KEPT = 4096
_seen: dict[str, None] = {}


def remember(response_id: str) -> bool:
    """Note a response id; False if it was noted before.

    Examples
    --------
    >>> remember("resp_doctest_1"), remember("resp_doctest_1")
    (True, False)
    """
    if response_id in _seen:
        return False
    _seen[response_id] = None
    if len(_seen) > _KEPT:
        with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # another thread was quicker
            del _seen[next(iter(_seen))]
    return True


def seen(response_id: str) -> bool:
    """Tell whether a response id was noted before."""
    return response_id in _seen
