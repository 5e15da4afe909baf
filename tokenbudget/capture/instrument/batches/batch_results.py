"""Results of batch APIs: one event per line, however often and in whichever process they are read.

Reading results is not a model call; the calls were made when the batch ran.  So the id and the time of each line's
event are derived from the line: reading it again, or in another process, gives the same event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokenbudget.capture import seen_ids
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.bounded_dict import BoundedDict
from tokenbudget.capture.instrument.responses.http_bodies import read_along
from tokenbudget.capture.usage.fields import Fields, fields
from tokenbudget.capture.usage.lenient_json import decode_json
from tokenbudget.diagnostics import internal_errors

_BEGINNING_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One request's result in a batch.

    Attributes
    ----------
    key : str
        Identifies the line, e.g. the response's id.
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
class BatchApi:
    """How an SDK returns batches and their results.

    Attributes
    ----------
    results_end : str
        End of the path that results are read from.
    line : callable
        ``line(fields)`` reads one line; None for one that failed or is not a result (other files end alike).
    batch_part : str
        Part of the path of requests that answer with a batch object...
    made : callable
        ...of which ``made(fields)`` gives the place of its results and its time, None where it says none.
    held : callable, optional
        ``held(fields)``: the results that a batch object itself holds.
    mark : str
        Field that every line of a file of results has.
    """

    results_end: str
    line: Callable[[Fields], BatchLine | None]
    batch_part: str
    made: Callable[[Fields], tuple[str, Any]]
    held: Callable[[Fields], Iterable[BatchLine]] | None = None
    mark: str = "custom_id"


class BatchReading:
    """The fetching of a batch or its results; a wrapper uses it like a `Call`."""

    sends = 0

    def __init__(self, batches: BatchApi, provider: str, region: str | None, path: str) -> None:
        self.attempts = 1
        self._batches = batches
        self._provider = provider
        self._region = region
        self._is_results = path.endswith(batches.results_end)
        self._made = next((seconds for place, seconds in list(_times.items()) if place in path), None)

    def failed(self, error: BaseException) -> None:
        """Record nothing: fetching costs nothing."""

    def cut(self, error: BaseException | None = None) -> None:
        """Record nothing more: the lines read so far are, and the others are when they are read."""

    def answered(self, result: Any) -> None:
        """Record the lines of a file, or those of an iterator as the caller goes through it; remember a batch."""
        if not self._is_results:
            self._take_batch(fields(result))
        elif isinstance(result, bytes | str):
            self._take_file(result.encode("utf-8", "surrogatepass") if isinstance(result, str) else result)
        elif hasattr(result, "__decode__"):
            inner = result._iterator  # noqa: SLF001 (as for streams: where all its readers go through)
            result._iterator = (self._aeach if hasattr(result, "__anext__") else self._each)(inner)  # noqa: SLF001
        elif hasattr(result, "content"):
            self._take_file(result.content)
        elif hasattr(result, "http_response"):
            self.answered_raw(result.http_response)

    def answered_raw(self, response: Any) -> None:
        """Record what an HTTP response brings, or will have brought when the caller has read it."""
        if not self._is_results:
            try:
                batch = decode_json(response.content)
            except ValueError:
                return
            self._take_batch(fields(batch))
        elif response.is_closed:
            self._take_file(response.content)
        else:
            read_along(response, self, self.lines())

    def lines(self) -> BatchLines:
        """Return what the bytes of a file of results are put into, where they do not come as a response."""
        return BatchLines(self._record)

    def _take_batch(self, batch: Fields) -> None:
        place, made = self._batches.made(batch)
        if made is None:
            return
        self._made = _seconds(made)
        if place:
            _times[place] = self._made
        for line in self._batches.held(batch) if self._batches.held is not None else ():
            self._keep(line)

    def _take_file(self, content: bytes) -> None:
        lines = self.lines()
        lines.take(content)
        lines.finish()

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
            if self._batches.mark not in known:
                return False
            line = self._batches.line(known)
            if line is not None:
                self._keep(line)
        except Exception as error:  # noqa: BLE001 (never into the caller's loop)
            internal_errors.swallow("capture.batch", error)
        return True

    def _keep(self, line: BatchLine) -> None:
        if seen_ids.remember(f"batch {line.key}"):
            call = Call(line.api, self._provider, {}, region=self._region)
            call.batch = True
            call.identify(line.key, line.created or self._made)
            call.answered(line.body)


class BatchLines:
    """The bytes of a file of results, made into lines; of another kind of file only the beginning is looked at."""

    __slots__ = ("_is_other", "_record", "_rest")

    def __init__(self, record: Callable[[Any], bool]) -> None:
        self._record = record
        self._rest = b""
        self._is_other = False

    @property
    def is_other(self) -> bool:
        """Whether it is another kind of file."""
        return self._is_other

    def take(self, chunk: bytes) -> bytes:
        """Add some bytes; all of them are for the caller."""
        if self._is_other:
            return chunk
        data = self._rest + chunk
        if data[:_BEGINNING_BYTES].lstrip()[:1] not in (b"", b"{"):
            self._is_other, self._rest = True, b""
            return chunk
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            self._line(line)
        return chunk

    def finish(self) -> bytes:
        """Take the last line, which may have no end; nothing is held back."""
        rest, self._rest = self._rest, b""
        self._line(rest)
        return b""

    def _line(self, line: bytes) -> None:
        if self._is_other or not line.strip():
            return
        try:
            self._is_other = not self._record(decode_json(line))
        except ValueError:
            self._is_other = True


_times = BoundedDict[float]()


def _seconds(made: float | str | datetime) -> float:
    if isinstance(made, str):
        made = datetime.fromisoformat(made)
    return made.timestamp() if isinstance(made, datetime) else float(made)
