"""Transcripts as coding agents write them, made up: only the shapes are theirs."""

import json
from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 5, 10, 0, tzinfo=UTC)
SECRET = "the-launch-code-is-0000"
"""In every prompt and answer: it is in no event."""
SONNET = "claude-sonnet-4-5-20250929"
USAGE = {
    "input_tokens": 10,
    "output_tokens": 50,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    "service_tier": "standard",
}


def at(seconds=0.0):
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def claude(
    message="msg_1", request="req_1", seconds=0.0, session="s1", model=SONNET, side=False, usage=None, **changes
):
    """Write one line of an answer of Claude Code's; `changes` are of the usage."""
    counts = {**(USAGE if usage is None else usage), **changes}
    line = {
        "parentUuid": None,
        "isSidechain": side,
        "userType": "external",
        "cwd": "/home/ada/shop",
        "sessionId": session,
        "version": "2.1.0",
        "gitBranch": "main",
        "type": "assistant",
        "timestamp": at(seconds),
        "uuid": f"u-{message}-{seconds}",
        "requestId": request,
        "message": {
            "id": message,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": f'{SECRET} "usage": {{"input_tokens": 7}}'}],
            "usage": counts,
        },
    }
    if request is None:
        del line["requestId"]
    return line


def user(**fields):
    return {"type": "user", "sessionId": "s1", "message": {"role": "user", "content": SECRET}, **fields}


def codex(kind, payload, seconds=0.0):
    return {"timestamp": at(seconds), "type": kind, "payload": payload}


def meta(session="c1", seconds=0.0, **fields):
    known = {"id": session, "cwd": "/home/ada/shop", "cli_version": "0.63.0", "git": {"branch": "main"}}
    return codex("session_meta", {**known, "instructions": SECRET, **fields}, seconds)


def context(model="gpt-5-codex", seconds=0.0):
    return codex("turn_context", {"model": model, "cwd": "/home/ada/shop"}, seconds)


def tokens(given=1000, cached=800, made=100, reasoning=60):
    return {
        "input_tokens": given,
        "cached_input_tokens": cached,
        "output_tokens": made,
        "reasoning_output_tokens": reasoning,
        "total_tokens": given + made,
    }


def counted(total, last=None, seconds=0.0, **fields):
    """Write a ``token_count``: the sum of a session after `total` calls of the same size, or of these tokens."""
    sums = {name: count * total for name, count in tokens().items()} if isinstance(total, int) else total
    info = {"total_token_usage": sums, "last_token_usage": tokens() if last is None else last}
    if last == {}:
        del info["last_token_usage"]
    return codex("event_msg", {"type": "token_count", "info": info, **fields}, seconds)


def said(seconds=0.0):
    return codex("response_item", {"type": "message", "role": "user", "content": [{"text": SECRET}]}, seconds)


def write(path, *records):
    """Write lines: records, or text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(
        record if isinstance(record, str) else json.dumps(record, separators=(",", ":")) + "\n" for record in records
    )
    path.write_text(text)
    return path


def append(path, *records):
    before = path.read_text()
    write(path, before, *records)
