"""A dict of bounded size: what one answer states and is needed to read another one, fetched later."""

from __future__ import annotations

import contextlib
from typing import TypeVar

V = TypeVar("V")
_MOST = 256


class BoundedDict(dict[str, V]):
    """A dict that evicts its oldest entries.

    Examples
    --------
    >>> kept = BoundedDict[int]()
    >>> for number in range(1000):
    ...     kept[str(number)] = number
    >>> len(kept), "999" in kept
    (256, True)
    """

    def __setitem__(self, key: str, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > _MOST:
            with contextlib.suppress(KeyError, RuntimeError):  # another thread makes room as well
                del self[next(iter(self))]
