"""What one answer says and another one, fetched later, is read by."""

from __future__ import annotations

import contextlib
from typing import TypeVar

V = TypeVar("V")
_MOST = 256


class BoundedDict(dict[str, V]):
    """The last things kept; the oldest make room.

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
