"""Child processes that never outlive `dev.py`."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, TypedDict, Unpack

ROOT = Path(__file__).resolve().parent.parent
GRACE_S = 10
WINDOWS = os.name == "nt"
_INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# A group of its own lets us stop a child together with everything it started. Such a group may not read the
# terminal, hence stdin is closed: a question nobody sees becomes an error instead of a hang.
_CREATION_FLAGS = 0x200 if WINDOWS else 0


class Options(TypedDict, total=False):
    """What a child process can be given beside its command."""

    cwd: Path
    env: Mapping[str, str] | None
    stdout: IO[bytes]
    stderr: IO[bytes]


@contextlib.contextmanager
def child(command: Sequence[str | Path], **options: Unpack[Options]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command; whatever interrupts the body stops the command and all it started."""
    arguments = [str(part) for part in command]
    options.setdefault("cwd", ROOT)
    with _interrupts_held_back() as let_through:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            start_new_session=not WINDOWS,
            creationflags=_CREATION_FLAGS,
            **options,
        )
        try:
            let_through()
            yield process
        except BaseException:
            stop(process)
            raise


def run(command: Sequence[str | Path], **options: Unpack[Options]) -> int:
    """Run a command in the foreground to its end and return its exit code."""
    with child(command, **options) as process:
        return process.wait()


def answer(command: Sequence[str | Path]) -> str | None:
    """Return what a command prints, or None when it cannot be run or fails."""
    try:
        finished = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return finished.stdout.strip() if finished.returncode == 0 else None


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process group to end, then insist, then kill it. Another Ctrl-C skips to the next level."""
    if WINDOWS:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(KeyboardInterrupt):
            if _ends_after(number, process):
                return


def _ends_after(number: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline:
        process.poll()  # Reaps the leader: a zombie would keep the group alive.
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies.
            return True
        number = 0
        time.sleep(0.05)
    return False


def interrupt_on_termination() -> None:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that they stop the children too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in _INTERRUPTS[1:]:
        signal.signal(number, interrupt)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[Callable[[], None]]:
    """Keep interrupts until the yielded function is called: one inside Popen would lose a child that runs already."""
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def let_through() -> None:
        restore()
        for number in held:
            signal.raise_signal(number)

    for number in handlers:
        signal.signal(number, lambda number, _frame: held.append(number))
    try:
        yield let_through
    finally:
        restore()
