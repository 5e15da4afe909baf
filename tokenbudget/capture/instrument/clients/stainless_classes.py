"""What is put into the classes of clients generated with Stainless, beside the shells of their requests."""

from __future__ import annotations

import functools
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import wrappers
from tokenbudget.capture.instrument.sdk_spec import MARK, ClientMark


def see_before(parser: Any, call: Call) -> Any:
    """Keep the response that a parser is given: if the parser raises, the answer was paid for all the same."""

    @functools.wraps(parser, updated=())
    def seeing(response: Any) -> Any:
        call.saw(response)
        return parser(response)

    return seeing


def marking(original: Any) -> Any:
    """Have what makes copies of a client wrap those of a wrapped one."""

    @functools.wraps(original)
    def copying(self: Any, *args: Any, **kwargs: Any) -> Any:
        new = original(self, *args, **kwargs)
        mark = self.__dict__.get(MARK)
        if mark is not None:
            new.__dict__[MARK] = ClientMark(mark.provider)
        return new

    return copying


def noticing_loop(original: Any) -> Any:
    """Have a stream's items notice when a loop over the stream is left."""

    @functools.wraps(original)
    def noticing(self: Any) -> Any:
        inner = original(self)
        items = self.__dict__.get(MARK)
        if items is not None:
            items.follow(inner)
        return inner

    return noticing


def count_retries(cls: Any) -> None:
    """Have a class of clients count the retries of a call."""
    # The first versions retry by calling themselves.
    name = next((name for name in ("_sleep_for_retry", "_retry_request") if hasattr(cls, name)), None)
    if name is None:
        return
    original = getattr(cls, name)

    @functools.wraps(original)
    def again(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = wrappers.current_attempt.get()
        if attempt is not None and not attempt.is_over:
            attempt.call.attempts += 1
        return original(self, *args, **kwargs)

    setattr(cls, name, again)
