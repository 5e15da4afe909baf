"""Responses in the providers' shapes, written for these tests."""

import copy
import json

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there."}}],
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "prompt_tokens_details": {"cached_tokens": 400, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 50, "rejected_prediction_tokens": 7},
    },
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_790_000_000,
    "status": "completed",
    "background": False,
    "model": "gpt-4.1-2025-04-14",
    "service_tier": "default",
    "output": [
        {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"id": "ws_2", "type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": "u"}},
        {"id": "ci_1", "type": "code_interpreter_call", "status": "completed", "code": "1", "container_id": "c"},
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": '{"n": 1}', "annotations": []}],
        },
    ],
    "usage": {
        "input_tokens": 300,
        "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 16},
        "total_tokens": 340,
    },
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello there."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 2000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 90,
        "output_tokens_details": {"thinking_tokens": 30},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        "service_tier": "standard",
        "inference_geo": "us",
    },
}
EMBEDDINGS = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 20, "total_tokens": 20},
}


def but(body, **changes):
    """A deep copy with changes; ``usage__x=1`` reaches into ``usage``."""
    body = copy.deepcopy(body)
    for path, value in changes.items():
        *parents, name = path.split("__")
        inner = body
        for parent in parents:
            inner = inner[parent]
        inner[name] = value
    return body


def sse(*events):
    """One bytes object per event of a stream; a pair is (event name, data)."""
    blocks = []
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        head = f"event: {name}\n" if name else ""
        blocks.append(f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())
    return blocks


def _chunk(**fields):
    head = {name: CHAT[name] for name in ("id", "created", "model", "service_tier")}
    return head | {"object": "chat.completion.chunk"} | fields


def _delta(finish=None, **delta):
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


CHAT_CHUNKS = [
    _chunk(choices=_delta(role="assistant", content="")),
    _chunk(choices=_delta(content="Hello ")),
    _chunk(choices=_delta(content="there.")),
    _chunk(choices=_delta(finish="stop")),
]
CHAT_USAGE_CHUNK = _chunk(choices=[], usage=CHAT["usage"])
CHAT_STREAM = sse(*CHAT_CHUNKS, "[DONE]")
CHAT_STREAM_WITH_USAGE = sse(*CHAT_CHUNKS, CHAT_USAGE_CHUNK, "[DONE]")

_STARTED = but(RESPONSE, status="in_progress", output=[], usage=None)


def _event(kind, **fields):
    return kind, {"type": kind, "sequence_number": 0} | fields


_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
RESPONSE_STREAM = sse(
    _event("response.created", response=_STARTED),
    _event(
        "response.output_item.added",
        output_index=0,
        item={"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []},
    ),
    _event(
        "response.content_part.added",
        part={"type": "output_text", "text": "", "annotations": []},
        **{name: _PLACE[name] for name in ("item_id", "output_index", "content_index")},
    ),
    _event("response.output_text.delta", delta='{"n"', **_PLACE),
    _event("response.output_text.delta", delta=": 1}", **_PLACE),
    _event("response.completed", response=RESPONSE),
)
MESSAGE_STREAM = sse(
    _event(
        "message_start",
        message=but(MESSAGE, content=[], stop_reason=None, usage__output_tokens=1, usage__server_tool_use=None),
    ),
    _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello "}),
    _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "there."}),
    _event("content_block_stop", index=0),
    _event(
        "message_delta",
        delta={"stop_reason": "end_turn", "stop_sequence": None},
        usage={"output_tokens": 90, "server_tool_use": MESSAGE["usage"]["server_tool_use"]},
    ),
    _event("message_stop"),
)
