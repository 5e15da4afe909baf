"""Claude Code: ``projects/**/*.jsonl``, a line for each block of an answer, all with the usage so far."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tokenbudget.capture.providers.anthropic import MESSAGES
from tokenbudget.imports.agent import INCOMPLETE, NO_USAGE, UNREADABLE, Agent, Call, Files, Opened, Place, Skip, Taken

_SYNTHETIC = Skip("made up by the agent itself (<synthetic>): no call")
_TOLD_ELSEWHERE = Skip("sums up calls that have lines of their own")
_UNIQUE_LENGTH = 20
"""Anthropic's ids are longer; gateways number messages anew in each session."""
_PROVIDERS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex"}
"""How the ids of messages begin that Anthropic does not bill."""


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Line(msgspec.Struct, rename="camel"):
    type: str | None = None
    timestamp: datetime | None = None
    session_id: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    is_sidechain: bool | None = None
    agent_id: str | None = None
    request_id: str | None = None
    message: _Message | None = None


class _Progress(msgspec.Struct, rename="camel"):
    """What a sub-agent answers, told in the transcript of its parent."""

    class Data(msgspec.Struct):
        message: _Line | None = None

    session_id: str | None = None
    data: Data | None = None


_line = msgspec.json.Decoder(_Line).decode
_progress = msgspec.json.Decoder(_Progress).decode


class _Transcript:
    def __init__(self, opened: Opened) -> None:
        self._sub_agent = _agent_type(opened.path)

    def take(self, record: bytes) -> Taken:
        try:
            line = _line(record)
            if line.type == "progress":
                return self._of_sub_agent(record)
        except msgspec.ValidationError:
            return UNREADABLE if b'"assistant"' in record else _TOLD_ELSEWHERE
        except msgspec.DecodeError:
            return UNREADABLE
        if line.type != "assistant":
            return _TOLD_ELSEWHERE if line.type else UNREADABLE
        return self._call(line, line.message)

    def _of_sub_agent(self, record: bytes) -> Taken:
        progress = _progress(record)
        line = None if progress.data is None else progress.data.message
        if line is None or line.type != "assistant":
            return _TOLD_ELSEWHERE
        line.session_id, line.is_sidechain = line.session_id or progress.session_id, True
        return self._call(line, line.message)

    def _call(self, line: _Line, message: _Message | None) -> Taken:
        if message is None or message.usage is None or not (message.id and message.model and line.timestamp):
            return INCOMPLETE
        if message.model == "<synthetic>":
            return _SYNTHETIC
        answer: dict[str, Any] = {"usage": message.usage}
        found = MESSAGES.read(answer)
        for rule in MESSAGES.rules:
            rule(found, answer, {})
        if not (found.get("input_tokens") or found.get("output_tokens")):
            return NO_USAGE
        session, request = line.session_id or "", line.request_id or None
        is_unique = request is not None or len(message.id) >= _UNIQUE_LENGTH
        return Call(
            key=f"{message.id}/{request or ('' if is_unique else session)}",
            at=line.timestamp.astimezone(UTC),
            provider=next((name for prefix, name in _PROVIDERS.items() if message.id.startswith(prefix)), "anthropic"),
            model=message.model,
            found=found,
            place=Place(
                session=session,
                folder=line.cwd or "",
                branch=line.git_branch or "",
                version=line.version or "",
                sub_agent=(self._sub_agent or line.agent_id or "side") if line.is_sidechain else "",
            ),
            response_id=message.id if is_unique else None,
            request_id=request,
            group=message.id if is_unique else "",
            is_side=bool(line.is_sidechain),
        )

    def context(self) -> bytes:
        return b""


def _agent_type(path: Path) -> str:
    """Return the name of the sub-agent whose transcript this is, from the file beside it."""
    if not path.name.startswith("agent-"):
        return ""
    try:
        told = msgspec.json.decode(path.with_suffix(".meta.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return ""
    name = told.get("agentType")
    return name if isinstance(name, str) else ""


AGENT = Agent(
    name="claude-code",
    title="Claude Code",
    operation="messages",
    variable="CLAUDE_CONFIG_DIR",
    homes=("~/.claude", "~/.config/claude"),
    files=(Files("projects", ".jsonl"),),
    markers=(b'"usage"',),
    open=_Transcript,
    blind=(
        "web searches and web fetches, which side queries make: their fees and tokens are not in transcripts",
        "side queries: titles of sessions, summaries of tool output, checks of commands",
    ),
    retention=("settings.json", "cleanupPeriodDays", 30),
)
