"""Calls made inside calls: each is separate, unless the outer SDK makes it in order to make its own call.

What runs inside a call is not part of it for that alone: a hook that guards a prompt, a callback that judges an answer
and a task begun meanwhile, which lives on with a copy of the context, all ask models on their own account.  What an SDK
does for its own call is told by the code that does it: between the call begun and the one around there is no code but
that of the two SDKs.  The reasons are in docs/decisions/0008-calls-inside-calls.md.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tokenbudget.capture.instrument.wrappers import Attempt, CallHooks

_PASSING = frozenset(
    {
        *("asyncio", "concurrent", "contextlib", "contextvars", "functools", "threading"),
        *("backoff", "tenacity", "wrapt"),
        *("ddtrace", "logfire", "openinference", "opentelemetry", "sentry_sdk"),
        "tokenbudget",
    }
)
"""Packages that only pass calls on: those that run, repeat or trace them."""

_shells: set[CodeType] = set()
"""The code objects of wrappers: their stack frames hold the attempt."""


def know(wrapper: Any) -> Any:
    """Return a function that makes attempts, which is known by its frames from now on."""
    _shells.add(wrapper.__code__)
    return wrapper


def is_part(around: Attempt, begun: CallHooks) -> bool:
    """Return whether a call that is being begun is made by the SDK of the one around it in order to make that."""
    if around.is_over or around.hooks is None:
        return False
    home, own = around.hooks.package, begun.package
    maker, frame = "", cast("FrameType | None", sys._getframe(1))  # noqa: SLF001 (the one way to know)
    while frame is not None:
        if frame.f_code in _shells:
            if frame.f_locals.get("attempt") is around:
                break
        else:
            module = frame.f_globals.get("__name__") or ""
            if is_in(module, home):
                maker = maker or module
            elif not is_in(module, own) and module.partition(".")[0] not in _PASSING:
                return False
        frame = frame.f_back
    # On another thread or in a task of its own the context was copied: its maker is not on the stack.
    if not maker or (frame is None and home == own):
        return False
    return around.hooks.makes(maker, begun)


def is_in(module: str, package: str) -> bool:
    """Return whether a module is a package or inside it.

    Examples
    --------
    >>> is_in("openai._base_client", "openai"), is_in("openai_guard", "openai"), is_in("openai", "")
    (True, False, False)
    """
    return bool(package) and module.startswith(package) and module[len(package) :][:1] in ("", ".")
