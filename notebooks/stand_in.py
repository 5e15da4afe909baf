"""What lets the notebooks run without a network and without keys: a stand-in for the providers, and two made-up months.

`provider` answers like the APIs of OpenAI and Anthropic do, on this machine, with the usage numbers below; the real
``openai`` and ``anthropic`` packages talk to it.  `two_months` records the calls a small team might have made.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPENAI_USAGE = {
    "prompt_tokens": 1_370,
    "completion_tokens": 155,
    "total_tokens": 1_525,
    "prompt_tokens_details": {"cached_tokens": 1_024, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
ANTHROPIC_USAGE = {
    "input_tokens": 320,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 2_048,
    "output_tokens": 280,
    "service_tier": "standard",
}


def provider() -> str:
    """Start the stand-in on a free port of this machine; return its URL.  It ends with the process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True, name="stand-in provider").start()
    return f"http://127.0.0.1:{server.server_port}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/messages"):
            self._send("application/json", json.dumps(_message(asked["model"])))
        elif asked.get("stream"):
            self._send("text/event-stream", "".join(f"data: {part}\n\n" for part in _stream(asked)))
        else:
            self._send("application/json", json.dumps(_completion(asked["model"])))

    def _send(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def _id(prefix: str) -> str:
    return f"{prefix}{random.getrandbits(64):016x}"


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Forty-two."}
    return {
        "id": _id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(datetime.now(UTC).timestamp()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": OPENAI_USAGE,
        "service_tier": "default",
    }


def _stream(asked: dict[str, Any]) -> Iterator[str]:
    head = {"id": _id("chatcmpl-"), "object": "chat.completion.chunk", "created": 0, "model": asked["model"]}
    for word in ("Forty", "-", "two", "."):
        yield json.dumps({**head, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
    yield json.dumps({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**head, "choices": [], "usage": OPENAI_USAGE})
    yield "[DONE]"


def _message(model: str) -> dict[str, Any]:
    return {
        "id": _id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "Forty-two."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }


# Feature, provider, model, calls on a working day, input and output tokens of a call.
_TEAM = (
    ("chatbot", "anthropic", "claude-sonnet-5", 26, 2_400, 420),
    ("chatbot", "openai", "gpt-4o-mini", 60, 1_800, 260),
    ("search", "openai", "gpt-4.1-mini", 55, 3_100, 180),
    ("summaries", "openai", "gpt-4o", 18, 5_200, 640),
    ("summaries", "google", "gemini-2.5-flash", 30, 6_500, 500),
    ("evals", "anthropic", "claude-haiku-4-5", 24, 1_500, 300),
)
_USERS = ("ana", "ben", "chen", "dara")
_WEEKEND = 5


def two_months(days: int = 60) -> None:
    """Record what a team of four did in the `days` before today: fewer calls at week-ends, a little more every week."""
    import tokenbudget as tb

    chance = random.Random(42)  # noqa: S311 (the same calls every time)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for ago in range(days, 0, -1):
        day = today - timedelta(days=ago)
        pace = (0.3 if day.weekday() >= _WEEKEND else 1.0) * (1.3 - ago / 100)
        for feature, who, model, calls, inputs, outputs in _TEAM:
            for _ in range(round(calls * pace * chance.uniform(0.7, 1.3))):
                tb.record(
                    provider=who,
                    model=model,
                    usage={
                        "input_tokens": round(inputs * chance.uniform(0.5, 1.8)),
                        "output_tokens": round(outputs * chance.uniform(0.4, 2.0)),
                    },
                    occurred_at=day + timedelta(hours=chance.gauss(13, 3), seconds=chance.uniform(0, 60)),
                    latency_ms=chance.lognormvariate(6.8, 0.5),
                    tags={"feature": feature, "user_id": chance.choice(_USERS)},
                )
