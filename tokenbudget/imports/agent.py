"""What an adapter declares: where an agent's transcripts are, and how a record of one becomes a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from tokenbudget.core.event import Billing

Found = dict[str, Any]
"""Counts and names, by the fields of `tokenbudget.core.usage.Usage` and of an event."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a call was made from: what becomes its tags.

    Attributes
    ----------
    session : str
        The agent's id of the conversation.
    folder : str
        Path of the working directory; its last part is the project.
    branch, version, sub_agent : str
        Of git; of the agent; name of the agent that the main one started.
    """

    session: str = ""
    folder: str = ""
    branch: str = ""
    version: str = ""
    sub_agent: str = ""


@dataclass(slots=True)
class Call:
    """One model call, as a record of a transcript tells of it.

    Attributes
    ----------
    key : str
        Its identity: equal for all records of the call, in all copies of the transcript.
    at : datetime
        When the record was written; UTC.
    provider, model : str
    found : dict
        Counts and names, read by a table.
    place : Place
    response_id, request_id : str or None
        The provider's ids, where they are its own.
    group : str
        What a replay of the call shares with it, under another key; empty where replays have its key.
    is_side : bool
        Whether the record is of a side conversation, which may replay calls of its parent.
    billing : str or None
        How it is billed, where the transcript tells.
    """

    key: str
    at: datetime
    provider: str
    model: str
    found: Found
    place: Place
    response_id: str | None = None
    request_id: str | None = None
    group: str = ""
    is_side: bool = False
    billing: Billing | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a record is no call.

    Attributes
    ----------
    reason : str
        For people.
    is_unknown : bool
        Whether it should have been understood: such records are reported.
    """

    reason: str
    is_unknown: bool = False


UNREADABLE = Skip("not JSON, or of another shape than known", is_unknown=True)
INCOMPLETE = Skip("an answer without an id, a model or a time", is_unknown=True)
NO_USAGE = Skip("states no tokens")

Taken = Call | Skip | None
"""What a record is: a call, something that is none, or of no interest."""


class Transcript(Protocol):
    """Reads the records of one file, in order."""

    def take(self, record: bytes) -> Taken | Iterator[Taken]:
        """Read a record."""
        ...

    def context(self) -> bytes:
        """Return what later records of the file need to know of earlier ones."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What a transcript's reader is told.

    Attributes
    ----------
    path : Path
        Of the file.
    context : bytes
        What an earlier reader of the file left; empty at its beginning.
    notes : Notes
        What sessions leave for those that replay them.
    """

    path: Path
    context: bytes
    notes: Notes


class Notes(Protocol):
    """Remembers short texts between imports."""

    def get(self, name: str) -> bytes | None:
        """Return a note."""
        ...

    def put(self, name: str, value: bytes) -> None:
        """Write a note."""
        ...


Kind = Literal["lines", "document", "database"]


@dataclass(frozen=True, slots=True)
class Files:
    """Some of an agent's files.

    Attributes
    ----------
    folder : str
        Below a home; empty: the home itself.
    ending, start : str
        How their names end and start.
    kind : {"lines", "document", "database"}
        JSON records appended line by line; a file that is replaced as a whole; an SQLite database.
    below : str
        A folder that is somewhere in their path; empty: any.
    is_deep : bool
        Whether they may be in folders below.
    """

    folder: str
    ending: str
    kind: Kind = "lines"
    start: str = ""
    below: str = ""
    is_deep: bool = True


@dataclass(frozen=True)
class Agent:
    """One coding agent.

    Attributes
    ----------
    name, title : str
        As users type it; as people read it.
    operation : str
        Of its calls, as in `tokenbudget.core.event.Event`.
    homes : tuple of str
        Its directories, where the environment names none; all that exist count.
    variable, variable_suffix : str
        Environment variable that names them, several by comma; what is below the directory that it names.
    files : tuple of Files
    markers : tuple of bytes
        A line that holds none of them is of no interest, and is not parsed.
    open : callable
        Makes the reader of a file.
    rows : callable or None
        Reads the records of a database.
    blind : tuple of str
        What its transcripts do not tell, each a sentence.
    rivals : tuple of (str, str)
        Directories of a home: of a file that is in both, the one in the first counts.
    retention : (str, str, int) or None
        File of a home with settings, the setting that deletes transcripts, and the days it is when not set.
    """

    name: str
    title: str
    operation: str
    homes: tuple[str, ...]
    files: tuple[Files, ...]
    markers: tuple[bytes, ...]
    open: Callable[[Opened], Transcript]
    variable: str = ""
    variable_suffix: str = ""
    rows: Callable[[Path], Iterator[bytes]] | None = None
    blind: tuple[str, ...] = ()
    rivals: tuple[tuple[str, str], ...] = ()
    retention: tuple[str, str, int] | None = None

    def directories(self) -> list[Path]:
        """Return the agent's homes that exist on this machine."""
        named = os.environ.get(self.variable, "") if self.variable else ""
        given = [text.strip() for text in named.split(",") if text.strip()]
        if self.variable_suffix:
            given = [os.path.join(text, self.variable_suffix) for text in given]  # noqa: PTH118 (a text, not a path)
        paths = (_expanded(text) for text in given or self.homes)
        return list(dict.fromkeys(path for path in paths if path is not None and path.is_dir()))


def _expanded(text: str) -> Path | None:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # A user without a home.
        return None
