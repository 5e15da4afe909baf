"""opencode: the table ``message`` of ``opencode.db``, and a JSON file for each message of earlier versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tokenbudget.capture.usage.fields import Reader
from tokenbudget.capture.usage.totals import by_total, with_cache
from tokenbudget.core.providers import canonical
from tokenbudget.imports.agent import INCOMPLETE, NO_USAGE, UNREADABLE, Agent, Call, Files, Opened, Place, Taken

_read = Reader(
    input_tokens="input",
    output_tokens="output",
    reasoning_tokens="reasoning",
    cache_read_tokens="cache.read",
    cache_write_tokens="cache.write",
    total="total",
)


class _Time(msgspec.Struct):
    created: float | None = None


class _Path(msgspec.Struct):
    cwd: str | None = None


class _Message(msgspec.Struct, rename={"session": "sessionID", "model": "modelID", "provider": "providerID"}):
    id: str | None = None
    role: str | None = None
    session: str | None = None
    model: str | None = None
    provider: str | None = None
    time: _Time | None = None
    path: _Path | None = None
    agent: str | None = None
    tokens: dict[str, Any] | None = None


_message = msgspec.json.Decoder(_Message).decode


class _Transcript:
    def __init__(self, opened: Opened) -> None:
        del opened  # Each record tells all of itself.

    def take(self, record: bytes) -> Taken:
        try:
            message = _message(record)
        except msgspec.DecodeError:
            return UNREADABLE
        if message.role != "assistant":
            return None
        if not message.tokens:
            return NO_USAGE
        created = None if message.time is None else message.time.created
        if not (message.id and message.model and message.provider and created):
            return INCOMPLETE
        found = _counts(message.tokens)
        if not (found.get("input_tokens") or found.get("output_tokens")):
            return NO_USAGE
        folder = "" if message.path is None else message.path.cwd or ""
        place = Place(message.session or "", folder, sub_agent=message.agent or "")
        at = datetime.fromtimestamp(created / 1000, UTC)
        return Call(message.id, at, canonical(message.provider), message.model, found, place)

    def context(self) -> bytes:
        return b""


def _counts(tokens: dict[str, Any]) -> dict[str, Any]:
    """Read counts: the input leaves the cache out, and the total tells whether the output leaves reasoning out."""
    found = {name: int(value) for name, value in _read(tokens).items() if isinstance(value, int | float)}
    total, reasoning = found.pop("total", None), found.get("reasoning_tokens", 0)
    with_cache(found)
    if total is not None:
        by_total(found, total, ("reasoning_tokens",))
    elif reasoning > found.get("output_tokens", 0):
        found["output_tokens"] = found.get("output_tokens", 0) + reasoning
    return found


def _rows(path: Path) -> Iterator[bytes]:
    """Read the messages of a database, which stays as it is."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        for id_, session, data in database.execute("SELECT id, session_id, data FROM message ORDER BY id"):
            told = msgspec.json.decode(data)
            if isinstance(told, dict):
                yield msgspec.json.encode({**told, "id": id_, "sessionID": session})


AGENT = Agent(
    name="opencode",
    title="opencode",
    operation="chat",
    variable="XDG_DATA_HOME",
    variable_suffix="opencode",
    homes=("~/.local/share/opencode",),
    files=(
        Files("", ".db", "database", start="opencode", is_deep=False),
        Files("storage/message", ".json", "document"),
    ),
    markers=(b'"tokens"',),
    open=_Transcript,
    rows=_rows,
    blind=("how long cache writes are kept: they are priced as five-minute ones",),
)
