"""Gemini CLI: ``tmp/<project>/chats/**``, a record for each message, written again as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tokenbudget.capture.usage.fields import Reader
from tokenbudget.capture.usage.totals import by_total
from tokenbudget.imports.agent import INCOMPLETE, NO_USAGE, UNREADABLE, Agent, Call, Files, Opened, Place, Taken

_HASH_LENGTH = 64
"""Of a folder that is named after the hash of its project's path, which tells nothing."""
_BESIDE = ("reasoning_tokens", "tool_prompt_tokens")
_read = Reader(
    input_tokens="input",
    output_tokens="output",
    cache_read_tokens="cached",
    reasoning_tokens="thoughts",
    tool_prompt_tokens="tool",
    total="total",
)


class _Message(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    timestamp: datetime | None = None
    model: str | None = None
    tokens: dict[str, int | None] | None = None


class _Messages(msgspec.Struct):
    messages: list[_Message] | None = None


class _Record(msgspec.Struct, rename={"session": "sessionId", "changes": "$set"}):
    id: str | None = None
    type: str | None = None
    timestamp: datetime | None = None
    model: str | None = None
    tokens: dict[str, int | None] | None = None
    session: str | None = None
    kind: str | None = None
    messages: list[_Message] | None = None
    changes: _Messages | None = None


_record = msgspec.json.Decoder(_Record).decode


class _Context(msgspec.Struct, omit_defaults=True):
    session: str = ""
    kind: str = ""


class _Transcript:
    def __init__(self, opened: Opened) -> None:
        self._known = msgspec.json.decode(opened.context, type=_Context) if opened.context else _Context()
        self._folder = _folder(opened.path)

    def take(self, record: bytes) -> Taken | Iterator[Taken]:
        try:
            read = _record(record)
        except msgspec.DecodeError:
            return UNREADABLE
        if read.session:
            self._known.session, self._known.kind = read.session, read.kind or self._known.kind
        changed = None if read.changes is None else read.changes.messages
        messages = read.messages or changed
        if messages:
            return (self._call(message) for message in messages)
        return self._call(read) if read.id else None

    def _call(self, message: _Message | _Record) -> Taken:
        if message.type != "gemini":
            return None
        if not message.tokens:
            return NO_USAGE
        if not message.id or message.timestamp is None:
            return INCOMPLETE
        found: dict[str, Any] = _read(message.tokens)
        by_total(found, found.pop("total", None), _BESIDE)
        if not (found.get("input_tokens") or found.get("output_tokens")):
            return NO_USAGE
        known = self._known
        place = Place(known.session, self._folder, sub_agent="sub-agent" if known.kind == "subagent" else "")
        return Call(message.id, message.timestamp.astimezone(UTC), "google", message.model or "unknown", found, place)

    def context(self) -> bytes:
        return msgspec.json.encode(self._known)


def _folder(path: Path) -> str:
    """Return the project's path where a file beside the chats tells it, else what their folder is called."""
    chats = next((parent for parent in path.parents if parent.name == "chats"), path.parent)
    try:
        root = (chats.parent / ".project_root").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        root = ""
    name = chats.parent.name
    return root or ("" if len(name) == _HASH_LENGTH else name)


AGENT = Agent(
    name="gemini",
    title="Gemini CLI",
    operation="chat",
    variable="GEMINI_CLI_HOME",
    variable_suffix=".gemini",
    homes=("~/.gemini",),
    files=(Files("tmp", ".jsonl", below="chats"), Files("tmp", ".json", "document", below="chats")),
    markers=(b'"tokens"', b'"sessionId"'),
    open=_Transcript,
    blind=("searches with Google: their fees are not in transcripts", "calls that ended in an error"),
)
