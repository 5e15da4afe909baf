"""What this process has seen lately and must count once: responses reported twice, containers used by several answers.

It is the memory of one process: where several share a container, each counts its session for itself.
"""

from __future__ import annotations

_KEPT = 4096
_now: dict[str, None] = {}
_before: dict[str, None] = {}
"""Those noted before the last `_KEPT`: dropped together, as removing the first key of a large dict is slow."""

SESSION = 20 * 60
"""Seconds that a container is billed for at a time (OpenAI's price list)."""
_Session = tuple[float, str, str]
"""When it began (Unix seconds), the response that began it, and the memory of its container."""
_sessions: dict[str, _Session] = {}
_sessions_before: dict[str, _Session] = {}


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
    """Return whether a response id was noted before."""
    return response_id in _now or response_id in _before


def container(key: str, response_id: str, at: float, memory: str) -> tuple[bool, str]:
    """Note that an answer used a container.

    Parameters
    ----------
    key : str
        The container's id.
    response_id : str
        The answer's; what is read of the same answer again begins the same session.
    at : float
        When it was made, Unix seconds.
    memory : str
        The container's, e.g. ``4g``; empty where it is not known.

    Returns
    -------
    (bool, str)
        Whether a session begins with this answer, and the container's memory as far as it was ever known.

    Examples
    --------
    >>> container("cntr_doctest", "resp_1", 1000.0, "4g"), container("cntr_doctest", "resp_2", 1060.0, "")
    ((True, '4g'), (False, '4g'))
    """
    global _sessions, _sessions_before
    known = _sessions.get(key) or _sessions_before.get(key)
    if known is not None:
        began, first, before = known
        memory = before or memory
        if abs(at - began) < SESSION:
            return first == response_id, memory
    _sessions[key] = (at, response_id, memory)
    if len(_sessions) >= _KEPT:
        _sessions, _sessions_before = {}, _sessions
    return True, memory


def forget() -> None:
    """Forget it all; for tests, which stand for other processes."""
    for noted in (_now, _before, _sessions, _sessions_before):
        noted.clear()
