"""Results of batch APIs: one event per line, however often and wherever the results are read.

Reading results is not a model call; the calls were made when the batch ran.  So each line's event gets an id and a
time that follow from the line itself: reading the same results again, or in another process, gives the same event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tokenbudget import faults
from tokenbudget.capture import recent
from tokenbudget.capture.api import Api
from tokenbudget.capture.call import Call
from tokenbudget.capture.fields import Fields, fields

_decode = msgspec.json.Decoder().decode
_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request's result in a batch.

    Attributes
    ----------
    key : str
        What tells it from every other, e.g. the response's id.
    api : Api
        What the request called.
    body : object
        The response.
    created : float or None
        When it was made, Unix seconds, where the line says so.
    """

    key: str
    api: Api
    body: Any
    created: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """How an SDK hands out batch results.

    Attributes
    ----------
    results_end : str
        End of the path that results are read from.
    line : callable
        ``line(fields)`` reads one line; None for one that failed or is not a result (other files end alike).
    batch_part : str
        Part of the path of requests that answer with a batch object...
    made : callable
        ...of which ``made(fields)`` gives the place of its results and its time.
    """

    results_end: str
    line: Callable[[Fields], Line | None]
    batch_part: str
    made: Callable[[Fields], tuple[str, Any]]


class Reading:
    """Batch results, or a batch, being fetched; to a shell it looks like a `Call`."""

    def __init__(self, batches: Batches, provider: str, region: str | None, path: str) -> None:
        self.attempts = 1
        self._batches = batches
        self._provider = provider
        self._region = region
        self._is_results = path.endswith(batches.results_end)
        self._made = next((seconds for place, seconds in _times.items() if place in path), None)

    def failed(self, error: BaseException) -> None:
        """Record nothing: fetching costs nothing."""

    def answered(self, result: Any) -> None:
        """Record the lines of a file, or those of an iterator as the caller goes through it; remember a batch."""
        if not self._is_results:
            place, made = self._batches.made(fields(result))
            if place:
                _remember(place, made)
        elif hasattr(result, "__decode__"):
            inner = result._iterator  # noqa: SLF001 (as for streams: where all its readers go through)
            result._iterator = (self._aeach if hasattr(result, "__anext__") else self._each)(inner)  # noqa: SLF001
        else:
            self._file(getattr(result, "content", b""))

    def _file(self, content: bytes) -> None:
        if not content.startswith(b"{"):
            return
        for text in content.splitlines():
            try:
                item = _decode(text)
            except msgspec.DecodeError:
                return  # some other file
            if not self._record(item):
                return

    def _each(self, inner: Iterator[Any]) -> Iterator[Any]:
        for item in inner:
            self._record(item)
            yield item

    async def _aeach(self, inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for item in inner:
            self._record(item)
            yield item

    def _record(self, item: Any) -> bool:
        """Record a line; False where it is not one."""
        try:
            known = fields(item)
            if "custom_id" not in known:
                return False
            line = self._batches.line(known)
            if line is not None and recent.remember(f"batch {line.key}"):
                call = Call(line.api, self._provider, {}, region=self._region)
                call.batch = True
                call.identify(line.key, line.created or self._made)
                call.answered(line.body)
        except Exception as error:  # noqa: BLE001 (never into the caller's loop)
            faults.swallow("capture.batch", error)
        return True


_times: dict[str, float] = {}


def _remember(place: str, made: float | str | datetime) -> None:
    if isinstance(made, str):
        made = datetime.fromisoformat(made)
    _times[place] = made.timestamp() if isinstance(made, datetime) else float(made)
    while len(_times) > _KEPT:
        del _times[next(iter(_times))]
