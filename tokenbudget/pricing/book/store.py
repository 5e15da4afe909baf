"""The prices of this machine: append-only files in ``$TOKENBUDGET_HOME/prices``.

``synced.jsonl`` holds rows that ``tokenbudget prices sync`` found changed, ``overrides.jsonl`` the user's own prices.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from tokenbudget.config import is_out_of_reach
from tokenbudget.core.errors import PriceError
from tokenbudget.pricing.book.overrides import Override
from tokenbudget.pricing.book.price_book import PriceRow

Row = TypeVar("Row", PriceRow, Override)

SYNCED = "synced.jsonl"
OVERRIDES = "overrides.jsonl"


def folder(home: Path) -> Path:
    """Return the directory of the price files."""
    return home / "prices"


def synced(home: Path) -> list[PriceRow]:
    """Read the rows that syncs appended.

    Raises
    ------
    PriceError
        If a line is no price row; the text names file and line.
    """
    return _read(folder(home) / SYNCED, PriceRow)


def overrides(home: Path) -> list[Override]:
    """Read the user's own prices.

    Raises
    ------
    PriceError
        If a line is no override; the text names file and line.
    """
    return _read(folder(home) / OVERRIDES, Override)


def append(home: Path, rows: Iterable[PriceRow] | Iterable[Override], name: str) -> None:
    """Append rows in one write, on disk when it returns.

    Raises
    ------
    PriceError
        If the file cannot be written.
    """
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    if not content:
        return
    path = folder(home) / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
    except OSError as error:
        msg = f"cannot write {path}: {error}; the prices are as they were"
        raise PriceError(msg) from error


def _read(path: Path, kind: type[Row]) -> list[Row]:
    try:
        lines = path.read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if is_out_of_reach(path):
            return []
        msg = f"cannot read {path}: {error}"
        raise PriceError(msg) from error
    decoder = msgspec.json.Decoder(kind)
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            msg = f"{path}, line {number}: {error}; mend or delete the line"
            raise PriceError(msg) from error
    return rows
