"""Steps that show that they are alive, keep quiet when they succeed and explain themselves when they fail."""

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools.processes import ROOT, child

LOGS = ROOT / ".venv" / ".dev" / "logs"
_TAIL_LINES = 40
_STILL_ALIVE_EVERY_S = 30
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class StepFailed(Exception):  # noqa: N818 - a report to the developer, not a defect of ours
    """A step did not succeed; the text says what happened and what to do."""


def step(
    title: str, command: Sequence[str | Path], *, advice: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> None:
    """Run a command quietly, with its output in a log file and one line of progress on the terminal.

    Raises
    ------
    StepFailed
        The command cannot be started or fails. The text carries the end of the log, its path and the advice.
    """
    log = LOGS / f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    line = _ProgressLine(title)
    try:
        with log.open("wb") as sink, child(command, stdout=sink, stderr=sink, cwd=cwd, env=env) as process:
            while _running(process):
                line.alive(log)
    except OSError as error:
        log.write_text(f"{command[0]}: {error}\n", encoding="utf-8")
        code = 127
    except BaseException:
        line.end("■", "stopped")
        raise
    else:
        code = process.returncode
    if code == 0:
        line.end("✓")
        return
    line.end("✗", "failed")
    raise StepFailed(f"{_tail(log)}\n\n{title} failed (exit code {code}).\nAll output: {log}\nWhat to do: {advice}")


def say(mark: str, text: str) -> None:
    """Print one line in the style of the steps."""
    print(f"{mark} {text}", flush=True)


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return True
    return False


def _tail(log: Path, lines: int = _TAIL_LINES) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        text = _ANSI.sub("", file.read().decode("utf-8", "replace"))
    # A progress bar redraws itself after \r: only its last state is of interest.
    drawn = (line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join([line for line in drawn if line][-lines:])


class _ProgressLine:
    """A spinner with the elapsed time and the newest line of output; on a plain pipe, a line now and then."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = self.printed = time.monotonic()
        self.frames = itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
        self.live = sys.stdout.isatty()
        if not self.live:
            say("…", title)

    def alive(self, log: Path) -> None:
        now = time.monotonic()
        elapsed = f"{now - self.started:.0f} s"
        if self.live:
            newest = _tail(log, lines=1)[:60]
            print(f"\r\x1b[2K{next(self.frames)} {self.title} \x1b[2m{elapsed}  {newest}\x1b[0m", end="", flush=True)
        elif now - self.printed > _STILL_ALIVE_EVERY_S:
            self.printed = now
            say("…", f"{self.title}: still at it after {elapsed}")

    def end(self, mark: str, remark: str = "") -> None:
        if self.live:
            print("\r\x1b[2K", end="")
        elapsed = f"{time.monotonic() - self.started:.1f} s"
        say(mark, f"{self.title}  {remark + ' after ' if remark else ''}{elapsed}")
