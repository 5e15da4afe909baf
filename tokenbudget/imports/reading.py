"""Read a file of an agent, whatever its kind, and what each record of it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tokenbudget.imports import lines
from tokenbudget.imports.agent import UNREADABLE, Agent, Call, Skip, Taken, Transcript
from tokenbudget.imports.events import size_of
from tokenbudget.imports.files import Found


class UnreadableFileError(Exception):
    """A file of an agent cannot be read; the reason is the argument."""


def records(agent: Agent, one: Found, offset: int) -> Iterator[lines.Line]:
    """Read what is new in a file, whatever its kind.

    Raises
    ------
    UnreadableFileError
        If it cannot be read.
    """
    path = Path(one.path)
    try:
        if one.kind == "lines":
            yield from lines.read_lines(path, offset, agent.markers)
            return
        documents = [path.read_bytes()] if one.kind == "document" else agent.rows(path) if agent.rows else ()
        for record in documents:
            yield lines.Line(record, 0, one.size)
        yield lines.Line(b"", one.size, one.size)
    except (OSError, sqlite3.Error, msgspec.DecodeError) as error:
        raise UnreadableFileError(f"cannot be read: {error}") from error


def read_record(transcript: Transcript, record: bytes) -> list[Taken]:
    """Return what a record holds; of one that is not understood, that it is not."""
    try:
        taken = transcript.take(record)
        found: list[Taken] = [taken] if taken is None or isinstance(taken, Call | Skip) else list(taken)
        for one in found:
            if isinstance(one, Call):
                size_of(one)
    except Exception:  # noqa: BLE001 (a record may hold anything)
        return [UNREADABLE]
    return found
