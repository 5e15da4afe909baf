"""Import a gigabyte of transcripts: seconds and peak memory, beside reading the same bytes; then with nothing new.

The transcripts are made up: for each call a user's line with a file or the output of a command in it, and two or three
lines of the answer while it streams; a fifth are Codex' cumulative counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

TARGET_SECONDS = 20.0
TARGET_MIB = 300
TARGET_IDLE_MS = 50
TARGET_LINE_MS = 50
_FILE_BYTES = 4 << 20
_START = datetime(2026, 10, 1, tzinfo=UTC)
_WORDS = "the of cache file import test value return error self path line count price token event class def".split()  # noqa: SIM905


def text(chance: random.Random, size: int) -> str:
    """Make text that JSON has to escape here and there."""
    words = chance.choices(_WORDS, k=64)
    piece = " ".join(words) + '\n\t"usage": {"input_tokens": 1}\n'
    return (piece * (size // len(piece) + 1))[:size]


def claude(folder: Path, chance: random.Random, number: int) -> int:
    """Write one session; returns its calls."""
    session, at, size, calls = f"session-{number:05}", _START + timedelta(minutes=number), 0, 0
    with (folder / f"{session}.jsonl").open("w") as file:
        while size < _FILE_BYTES:
            calls += 1
            common = {"sessionId": session, "cwd": "/home/ada/shop", "gitBranch": "main", "version": "2.1.0"}
            content = [{"type": "tool_result", "content": text(chance, chance.randrange(1_000, 30_000))}]
            size += _line(file, {"type": "user", **common, "message": {"role": "user", "content": content}})
            for step in range(chance.choice((2, 2, 3))):
                at += timedelta(milliseconds=700)
                usage = {
                    "input_tokens": 5,
                    "output_tokens": 10 + 400 * step,
                    "cache_read_input_tokens": 60_000 + calls,
                    "cache_creation_input_tokens": 900,
                    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 600},
                    "server_tool_use": {"web_search_requests": 0},
                    "service_tier": "standard",
                }
                content = [{"type": "text", "text": text(chance, chance.randrange(200, 4_000))}]
                message = {
                    "id": f"msg_01{number:06}{calls:012}",
                    "role": "assistant",
                    "model": "claude-sonnet-4-5-20250929",
                }
                told = {**message, "content": content, "usage": usage}
                ids = {"requestId": f"req_01{number:06}{calls:012}", "timestamp": at.isoformat(), "isSidechain": False}
                size += _line(file, {"type": "assistant", **common, **ids, "message": told})
    return calls


def codex(folder: Path, chance: random.Random, number: int) -> int:
    """Write one session; returns its calls."""
    at, size, calls = _START + timedelta(minutes=number), 0, 0
    total = dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"), 0)
    with (folder / f"rollout-{number:05}.jsonl").open("w") as file:
        meta = {"id": f"codex-{number:05}", "cwd": "/home/ada/shop", "cli_version": "0.63.0"}
        size += _line(file, {"timestamp": at.isoformat(), "type": "session_meta", "payload": meta})
        while size < _FILE_BYTES:
            calls, at = calls + 1, at + timedelta(seconds=4)
            size += _line(
                file, {"timestamp": at.isoformat(), "type": "turn_context", "payload": {"model": "gpt-5-codex"}}
            )
            item = {"type": "message", "content": text(chance, chance.randrange(1_000, 30_000))}
            size += _line(file, {"timestamp": at.isoformat(), "type": "response_item", "payload": item})
            last = {name: chance.randrange(1, 500) for name in total} | {"input_tokens": 40_000}
            total = {name: total[name] + last[name] for name in total}
            info = {"total_token_usage": total, "last_token_usage": last}
            counted = {"type": "token_count", "info": info}
            size += _line(file, {"timestamp": at.isoformat(), "type": "event_msg", "payload": counted})
    return calls


def _line(file, record) -> int:
    return file.write(json.dumps(record, separators=(",", ":")) + "\n")


def make(home: Path, size: int) -> int:
    """Write transcripts of so many bytes; returns their calls."""
    chance = random.Random(7)
    folders = {claude: home / ".claude" / "projects" / "-home-ada-shop", codex: home / ".codex" / "sessions" / "2026"}
    for folder in folders.values():
        folder.mkdir(parents=True)
    made = [codex if number % 5 == 4 else claude for number in range(-(-size // _FILE_BYTES))]
    return sum(write(folders[write], chance, number) for number, write in enumerate(made))


class Ran(NamedTuple):
    """What a command printed, its seconds by the clock and of the processor, and the MiB that any took so far."""

    output: str
    seconds: float
    cpu: float
    mib: float


def command(home: Path, *arguments: str, told: str = "") -> Ran:
    """Run a command of ours."""
    environment = {**os.environ, "HOME": str(home), "TOKENBUDGET_HOME": str(home / "tokenbudget")}
    environment = {
        name: value for name, value in environment.items() if name not in {"CLAUDE_CONFIG_DIR", "CODEX_HOME"}
    }
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tokenbudget", *arguments],
        env=environment, capture_output=True, text=True, check=True, input=told,
    )  # fmt: skip
    taken = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return Ran(done.stdout, taken, cpu, used.ru_maxrss / 1024)


def read_all(home: Path) -> float:
    """Return the seconds of reading every byte."""
    began = time.perf_counter()
    for path in home.rglob("*.jsonl"):
        path.read_bytes()
    return time.perf_counter() - began


def said(name: str, value: str, *, met: bool) -> None:
    print(f"{name:<44}{value:>16}   {'met' if met else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="of transcripts")
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name:
        home = Path(name)
        calls = make(home, options.megabytes << 20)
        size = sum(path.stat().st_size for path in home.rglob("*.jsonl"))
        floor = read_all(home)
        whole = command(home, "import", "--json", "--billing", "api")
        report, seconds = json.loads(whole.output), whole.seconds
        idle = min(json.loads(command(home, "import", "--json").output)["seconds"] for _ in range(3)) * 1000
        (home / "tokenbudget" / "imports" / "state.db.asked").touch()  # No import is due, which would run beside it.
        lines = [command(home, "statusline", told='{"session_id":"session-00001"}') for _ in range(5)]
        line, line_cpu = min(ran.seconds for ran in lines) * 1000, min(ran.cpu for ran in lines) * 1000
    print(f"{size / 1e9:.2f} GB, {calls:,} calls, {report['list_cost_usd']} US dollars; reading it takes {floor:.1f} s")
    said("every call once", f"{report['calls']:,}", met=report["calls"] == calls)
    rate = seconds / (size / 1e9)
    said(f"import, < {TARGET_SECONDS:.0f} s a GB", f"{rate:.1f} s", met=rate < TARGET_SECONDS)
    print(f"{'  of the processor':<44}{whole.cpu / (size / 1e9):>14.1f} s")
    said(f"memory at most, < {TARGET_MIB} MiB", f"{whole.mib:.0f} MiB", met=whole.mib < TARGET_MIB)
    said(f"nothing new, < {TARGET_IDLE_MS} ms", f"{idle:.0f} ms", met=idle < TARGET_IDLE_MS)
    said(f"statusline, whole process, < {TARGET_LINE_MS} ms", f"{line:.0f} ms", met=line < TARGET_LINE_MS)
    print(f"{'  of the processor':<44}{line_cpu:>13.0f} ms")


if __name__ == "__main__":
    main()
