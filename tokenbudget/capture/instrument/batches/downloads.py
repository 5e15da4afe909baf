"""Files of batch results that a client writes to the caller's destination instead of returning them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tokenbudget.capture.instrument.batches.batch_results import BatchApi, BatchReading
from tokenbudget.diagnostics import internal_errors

_PIECE = 1 << 20


class BatchDownload(BatchReading):
    """A download to a path, or to a writable object, which this object replaces.

    Parameters
    ----------
    batches : BatchApi
        How results are handed out.
    provider : str
        Who billed them.
    path : str
        Where the file is fetched.
    place : str, os.PathLike or object with ``write``
        Where it goes.
    """

    def __init__(self, batches: BatchApi, provider: str, path: str, place: Any) -> None:
        super().__init__(batches, provider, None, path)
        self._place = place
        self._lines = self.lines()

    @property
    def place(self) -> Any:
        """Where the client is to write to."""
        return self._place if isinstance(self._place, str | os.PathLike) else self

    def write(self, chunk: bytes) -> Any:
        """Write on to the caller's object, reading along."""
        written = self._place.write(chunk)
        try:
            self._lines.take(bytes(chunk))
        except Exception as error:  # noqa: BLE001 (never into the client's loop)
            internal_errors.swallow("capture.download", error)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def answered(self, result: Any) -> None:  # noqa: ARG002 (there is none)
        """Record what was written."""
        if self.place is not self:
            with Path(self._place).open("rb") as file:
                while not self._lines.is_other and (chunk := file.read(_PIECE)):
                    self._lines.take(chunk)
        self._lines.finish()
