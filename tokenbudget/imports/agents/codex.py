"""Codex CLI: ``{sessions,archived_sessions}/**/*.jsonl``, whose counts are cumulative and replayed in forks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from tokenbudget.capture.usage.fields import Reader
from tokenbudget.core.event import Billing
from tokenbudget.imports.agent import INCOMPLETE, NO_USAGE, UNREADABLE, Agent, Call, Files, Opened, Place, Skip, Taken
from tokenbudget.imports.cumulative import Replay, Sums
from tokenbudget.imports.loose import table, text, whole

_COUNTED_BY_RECORD = Skip("counted by its token_usage_record")
_KINDS = ("token_count", "token_usage_record", "turn_context", "session_meta", "thread_settings_applied")
_COUNTS = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_input_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_output_tokens",
}
_read = Reader(**_COUNTS)


class _Line(msgspec.Struct):
    type: str | None = None
    timestamp: datetime | None = None
    payload: dict[str, Any] | None = None

    @property
    def at(self) -> float:
        return 0.0 if self.timestamp is None else self.timestamp.timestamp()


class _Session(msgspec.Struct, omit_defaults=True):
    """What is known of a session after some of its lines."""

    place: Place = Place()
    model: str = ""
    tier: str | None = None
    billing: Billing | None = None
    has_begun: bool = False
    has_records: bool = False
    sums: Sums = msgspec.field(default_factory=Sums)


_line = msgspec.json.Decoder(_Line).decode


class _Transcript:
    def __init__(self, opened: Opened) -> None:
        self._notes = opened.notes
        known = msgspec.json.decode(opened.context, type=_Session) if opened.context else None
        self._known = known or _Session(place=Place(session=opened.path.stem))

    def take(self, record: bytes) -> Taken:
        try:
            line = _line(record)
        except msgspec.DecodeError:
            return UNREADABLE
        payload, known = line.payload, self._known
        kind = table(payload).get("type") if line.type == "event_msg" else line.type
        if payload is None or kind not in _KINDS:
            return None
        if kind == "token_count":
            return self._counted(line, payload)
        if kind == "token_usage_record":
            return self._recorded(line, payload)
        if kind == "session_meta" and not known.has_begun:  # A later one is its parent's, replayed.
            self._begin(line, payload)
        elif kind == "turn_context":
            known.sums.replay.goes_on(line.at, self._parent())
            known.model = text(payload.get("model")) or known.model
            known.place = replace(known.place, folder=text(payload.get("cwd")) or known.place.folder)
        elif kind == "thread_settings_applied":
            known.tier = text(table(payload.get("thread_settings")).get("service_tier")) or None
        return None

    def _begin(self, line: _Line, payload: dict[str, Any]) -> None:
        known = self._known
        spawn = table(table(table(payload.get("source")).get("subagent")).get("thread_spawn"))
        parent = text(payload.get("forked_from_id")) or text(spawn.get("parent_thread_id"))
        known.has_begun, known.sums.replay = True, Replay(parent, line.at, line.at)
        known.place = Place(
            session=text(payload.get("id")) or known.place.session,
            folder=text(payload.get("cwd")),
            branch=text(table(payload.get("git")).get("branch")),
            version=text(payload.get("cli_version")),
            sub_agent=text(spawn.get("agent_role")) or ("sub-agent" if spawn else ""),
        )

    def _recorded(self, line: _Line, payload: dict[str, Any]) -> Taken:
        self._known.has_records = True
        usage, response = table(payload.get("usage")), text(payload.get("response_id"))
        return self._call(line, usage, f"response/{response}", response) if usage and response else UNREADABLE

    def _counted(self, line: _Line, payload: dict[str, Any]) -> Taken:
        known, info = self._known, table(payload.get("info"))
        if text(table(payload.get("rate_limits")).get("plan_type")):
            known.billing = "subscription"
        total, last = table(info.get("total_token_usage")), table(info.get("last_token_usage"))
        if not total and not last:
            return NO_USAGE
        sums = tuple(whole(total.get(name)) for name in _COUNTS.values()) if total else ()
        added = known.sums.add(sums, line.at, self._parent())
        if isinstance(added, Skip):
            return added
        if known.has_records:
            return _COUNTED_BY_RECORD
        counts = last or dict(zip(_COUNTS.values(), added, strict=True))
        return self._call(line, counts, f"{known.place.session}/{known.sums.position}")

    def _call(self, line: _Line, counts: dict[str, Any], key: str, response: str | None = None) -> Taken:
        known = self._known
        found: dict[str, Any] = {name: value for name, value in _read(counts).items() if type(value) is int}
        if not (found.get("input_tokens") or found.get("output_tokens")):
            return NO_USAGE
        if line.timestamp is None:
            return INCOMPLETE
        if known.tier:
            found["service_tier"] = known.tier
        at, model = line.timestamp.astimezone(UTC), known.model or "unknown"
        return Call(key, at, "openai", model, found, known.place, response_id=response, billing=known.billing)

    def _parent(self) -> list[int] | None:
        note = self._notes.get(f"codex/{self._known.sums.replay.parent}")
        return None if note is None else msgspec.json.decode(note, type=list[int])

    def context(self) -> bytes:
        self._notes.put(f"codex/{self._known.place.session}", msgspec.json.encode(self._known.sums.seen))
        return msgspec.json.encode(self._known)


AGENT = Agent(
    name="codex",
    title="Codex",
    operation="responses",
    variable="CODEX_HOME",
    homes=("~/.codex",),
    files=(Files("sessions", ".jsonl"), Files("archived_sessions", ".jsonl")),
    rivals=(("sessions", "archived_sessions"),),
    markers=tuple(f'"{kind}"'.encode() for kind in _KINDS),
    open=_Transcript,
    blind=("web searches: their fees are not in transcripts", "sessions that Codex was told not to keep"),
)
