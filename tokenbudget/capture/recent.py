"""Response ids seen lately, so that one call reported twice (a wrapped client inside a framework) is recorded once."""

from __future__ import annotations

_KEPT = 4096
_now: dict[str, None] = {}
_before: dict[str, None] = {}
"""Those noted before the last `_KEPT`: dropped all at once, as taking the first of a dict grows dear."""


def remember(response_id: str) -> bool:
    """Note a response id; False if it was noted before.

    Examples
    --------
    >>> remember("resp_doctest_1"), remember("resp_doctest_1")
    (True, False)
    """
    global _now, _before
    if response_id in _now or response_id in _before:
        return False
    _now[response_id] = None
    if len(_now) >= _KEPT:
        _now, _before = {}, _now
    return True


def seen(response_id: str) -> bool:
    """Tell whether a response id was noted before."""
    return response_id in _now or response_id in _before


def forget() -> None:
    """Forget them all; for tests, which stand for other processes."""
    _now.clear()
    _before.clear()
