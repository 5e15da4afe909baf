"""How the processes of ours write their log: one format, no secret, and no more than a bounded number of lines.

A library leaves logging to its host program, so nothing here is done by ``import tokenbudget``: the API and the Panel,
which are programs, ask for it when they start.
"""

from __future__ import annotations

import logging
import logging.config
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

LINES_PER_MINUTE = 10
"""What one place in the code may log in a minute; more is counted, and told with the next line."""
LONGEST_RECORD = 8_000
_MINUTE = 60.0
_KEY = re.compile(r"(tb_ak_)\w+")
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")
_OURS = ("tokenbudget", "tokenbudget_server", "tokenbudget_panel")
_LEVELS = {**dict.fromkeys(_OURS, "INFO"), "tornado.access": "ERROR"}
"""Of others only warnings: httpx would tell of each request that is sent.  Tornado warns of each that it refuses."""


class Throttle(logging.Filter):
    """Let each place in the code log a few records a minute, whatever is in them.

    A client that errs a million times fills no disk, and hides nothing that other places say.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written; the first one of a minute tells how many were not."""
        place = record.name, record.pathname, record.lineno
        with self._lock:
            began, count = self._said.get(place, (0.0, 0))
            now = self._clock()
            if count and now - began < _MINUTE:
                self._said[place] = began, count + 1
                return count < LINES_PER_MINUTE
            self._said[place] = now, 1
        left_out = count - LINES_PER_MINUTE
        if left_out > 0:
            record.msg = f"{record.getMessage()} (and {left_out} more like it since, which were not written)"
            record.args = None
        return True


class Formatter(logging.Formatter):
    """Say when, who and what, in UTC; keys and passwords are left out, and what is too long is cut."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line, with the stack of its error below."""
        text = without_secrets(super().format(record))
        if len(text) <= LONGEST_RECORD:
            return text
        half = LONGEST_RECORD // 2  # A stack says at its end what went wrong.
        return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"


def without_secrets(text: str) -> str:
    """Return a text without API keys, and without the passwords of URLs.

    Examples
    --------
    >>> without_secrets("postgresql://me:secret@db refused tb_ak_0123456789abcdef0123456789abcdef")
    'postgresql://me:…@db refused tb_ak_…'
    """
    return _PASSWORD.sub(r"\1…@", _KEY.sub(r"\1…", text))


def configuration() -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes: everything goes to the standard error output."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"throttle": {"()": Throttle}},
        "formatters": {"ours": {"()": Formatter}},
        "handlers": {"errors": {"class": "logging.StreamHandler", "formatter": "ours", "filters": ["throttle"]}},
        "root": {"handlers": ["errors"], "level": "WARNING"},
        "loggers": {name: {"level": level} for name, level in _LEVELS.items()},
    }


def set_up(levels: Mapping[str, str] | None = None) -> None:
    """Have this process log in our way, libraries with handlers of their own too, if they are named.

    Parameters
    ----------
    levels : mapping of str to str
        Names of loggers, and the least that they write.
    """
    settings = configuration()
    settings["loggers"] |= {name: {"level": level, "propagate": True} for name, level in (levels or {}).items()}
    logging.config.dictConfig(settings)
