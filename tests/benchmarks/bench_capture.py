"""What observing costs the caller: CPU added to an OpenAI call, beside a wrapper that does nothing.

Clients answer from memory.  Bare, wrapped and no-op calls take turns in one process, and the figure is the median of
the differences within a turn, so that drifting clock rates and neighbours on the machine cancel out.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai

import tokenbudget as tb

sys.path.insert(0, str(Path(__file__).parent))
from receiver import running  # its neighbour

TARGETS_US = {"call": 30.0, "shipped": 30.0, "stream": 300.0, "async": 60.0, "import": 40_000.0}
CHUNKS = 200
CONCURRENT = 100
_MESSAGES = [{"role": "user", "content": "What did I spend?"}]
_USAGE = {
    "prompt_tokens": 1370,
    "completion_tokens": 155,
    "total_tokens": 1525,
    "prompt_tokens_details": {"cached_tokens": 1280, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 64,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
_HEAD = {"id": "chatcmpl-bench", "created": 1, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default"}
_ANSWER = json.dumps(
    _HEAD
    | {
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Not much."}}],
        "usage": _USAGE,
    }
).encode()


def _event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(_HEAD | {"object": "chat.completion.chunk"} | fields).encode() + b"\n\n"


_STREAM = b"".join(
    [
        *(
            _event(choices=[{"index": 0, "delta": {"content": "word "}, "finish_reason": None}])
            for _ in range(CHUNKS - 1)
        ),
        _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
        _event(choices=[], usage=_USAGE),
        b"data: [DONE]\n\n",
    ]
)


def _answer(request: Any) -> httpx2.Response:
    if b'"stream":true' in request.content:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=_STREAM)
    return httpx2.Response(200, headers={"content-type": "application/json"}, content=_ANSWER)


def _client() -> openai.OpenAI:
    http = httpx2.Client(transport=httpx2.MockTransport(_answer))
    return openai.OpenAI(api_key="unused", http_client=http)


def _async_client() -> openai.AsyncOpenAI:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(_answer))
    return openai.AsyncOpenAI(api_key="unused", http_client=http)


def _noop(client: Any) -> Any:
    """Wrap the base method the way TokenBudget does, and do nothing there."""
    original = type(client).request

    @functools.wraps(original)
    def shell(*args: Any, **kwargs: Any) -> Any:
        return original(client, *args, **kwargs)

    client.request = shell
    return client


def _call(client: openai.OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=_MESSAGES)


def _stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=_MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    for _ in stream:
        pass


def _many(loop: asyncio.AbstractEventLoop) -> Callable[[openai.AsyncOpenAI], None]:
    async def gather(client: openai.AsyncOpenAI) -> None:
        calls = [client.chat.completions.create(model="gpt-4o-mini", messages=_MESSAGES) for _ in range(CONCURRENT)]
        await asyncio.gather(*calls)

    return lambda client: loop.run_until_complete(gather(client))


def added(run: Callable[[Any], None], bare: Any, other: Any, turns: int) -> tuple[float, float]:
    """Return the µs that `other` adds to `bare` (median of the differences of each turn), and its ratio to it."""
    chance, spent = random.Random(3), {id(bare): [], id(other): []}
    for turn in range(-max(3, turns // 20), turns):
        for client in chance.sample((bare, other), 2):
            begin = time.thread_time_ns()
            run(client)
            if turn >= 0:
                spent[id(client)].append(time.thread_time_ns() - begin)
    before, after = spent[id(bare)], spent[id(other)]
    more = statistics.median(b - a for a, b in zip(before, after, strict=True))
    return more / 1000, statistics.median(after) / statistics.median(before)


def _import_cost(code: str) -> float:
    program = f"import openai, time; a = time.process_time_ns(); {code}; print((time.process_time_ns() - a) / 1000)"
    runs = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout)
        for _ in range(5)
    ]
    return statistics.median(runs)


def main() -> None:
    """Print the table."""
    with running() as server:
        measure(server)


def measure(server: str) -> None:
    """Print the table; `server` takes the events where they are sent."""
    home = tempfile.mkdtemp(prefix="tokenbudget-bench-")
    os.environ["TOKENBUDGET_RAISE"] = "1"
    loop = asyncio.new_event_loop()
    try:
        runs = [
            ("call", "a call", _call, _client, 1, 1500),
            ("shipped", "a call, with a server", _call, _client, 1, 3000),
            ("stream", f"a stream of {CHUNKS} chunks", _stream, _client, 1, 150),
            ("async", f"an async call, {CONCURRENT} at once", _many(loop), _async_client, CONCURRENT, 40),
        ]
        print(f"{'CPU added to':28}{'wrapped µs':>12}{'target µs':>12}{'ratio':>8}{'no-op µs':>12}")
        for target, name, run, make, calls, turns in runs:
            # A home for each: events left by one would be sealed while the next is measured.
            tb.configure(home=Path(home, target), url=server if target == "shipped" else "")
            wrapped, ratio = added(run, make(), tb.wrap(make()), turns)
            noop, _ = added(run, make(), _noop(make()), turns)
            print(f"{name:28}{wrapped / calls:12.1f}{TARGETS_US[target]:12.0f}{ratio:8.3f}{noop / calls:12.1f}")
        cost = _import_cost("import tokenbudget")
        print(f"{'import tokenbudget':28}{cost:12.0f}{TARGETS_US['import']:12.0f}{'':8}{'':>12}")
    finally:
        loop.close()
        tb.shutdown()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
