"""The virtual environment: made when missing, installed again when its inputs change."""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from devtools.processes import ROOT, WINDOWS, answer
from devtools.steps import StepFailed, say, step

VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
STATE = VENV / ".dev"
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
EXTRAS = ("all", "test", "dev")  # Each contains the one before it.
LOCKS = {"all": ["all"], "dev": ["dev"], "image": ["panel", "report", "server"]}
"""File in `requirements`, with the hash of everything that is fetched -> the extras that it is for."""
_NOTHING_FETCHED = {"UV_NO_BUILD_ISOLATION": "1", "PIP_NO_BUILD_ISOLATION": "0"}  # pip reads it as the option's value.
_NETWORK = "check the network, or the proxy or package index that your pip is configured for, then run this again."


class Stamp:
    """Remembers the contents a step was last done with, so that it is done again only after a change."""

    def __init__(self, name: str, inputs: Iterable[Path]) -> None:
        self.file = STATE / "stamps" / name
        digest = hashlib.sha256(str(ROOT).encode())  # A moved checkout has an environment that points elsewhere.
        for path in sorted(inputs):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        self.digest = digest.hexdigest()

    def fresh(self) -> bool:
        """Return whether the step was done with just these contents."""
        return self.file.exists() and self.file.read_text(encoding="ascii") == self.digest

    def set(self) -> None:
        """Remember that the step is done."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.digest, encoding="ascii")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other `dev.py` installs or builds in this checkout."""
    if WINDOWS:  # Has no flock; there, two first starts at once are the developer's to avoid.
        yield
        return
    import fcntl

    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("…", "Waiting for another dev.py that installs or builds here")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@one_at_a_time()
def prepare(extra: str) -> None:
    """Bring `.venv` up to date with pyproject.toml and constraints.txt; `extra` is one of `EXTRAS`."""
    if answer([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) is None:
        _remove_venv()
        make(VENV, "Making the virtual environment .venv")
    sufficient = [_installed(name) for name in EXTRAS[EXTRAS.index(extra) :]]
    if not any(stamp.fresh() for stamp in sufficient):
        env = None
        if packages := locked(_lock(extra)):
            install("Fetching Python packages, checked by their hashes", *packages)
            # What is left to do is to make the package itself known, by a build backend that was fetched, too.
            env = {**os.environ, **_NOTHING_FETCHED}
        install("Installing Python packages", "-c", "constraints.txt", "-e", f".[{extra}]", env=env)
        sufficient[0].set()


def _installed(extra: str) -> Stamp:
    inputs = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    return Stamp(f"install-{extra}", [*inputs, *(ROOT / path for path in locked(_lock(extra))[-1:])])


def _lock(extra: str) -> str:
    return extra if extra in LOCKS else EXTRAS[-1]


def make(venv: Path, title: str) -> None:
    """Make a virtual environment with uv when it is there, else with this Python's own module."""
    if uv := find_uv():
        command = [*uv, "venv", "--allow-existing", "--python", sys.executable, str(venv)]
    else:
        pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        command = [sys.executable, "-m", "venv", *pip, str(venv)]
    step(title, command, advice=_no_pip_advice())


def install(title: str, *requirements: str, python: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Install packages with uv when it is there, else with pip: into `.venv`, or the environment of `python`."""
    step(title, [*_installer(python or PYTHON), *requirements], advice=_NETWORK, env=env)


def locked(name: str) -> list[str]:
    """Return arguments that install what a file in `requirements` lists, if it is there, and refuse other hashes."""
    path = f"requirements/{name}.txt"
    return ["--require-hashes", "--no-deps", "-r", path] if (ROOT / path).exists() else []


def find_uv() -> list[str] | None:
    """Return the command that runs uv: the program, or the module of this interpreter."""
    candidates = [[program] if (program := shutil.which("uv")) else None]
    candidates.append([sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else None)
    # A version manager's shim may be on PATH and lead nowhere, hence the try.
    return next((command for command in candidates if command and answer([*command, "--version"])), None)


def tool_environment(**extra: str) -> dict[str, str]:
    """Return the environment for tools of `.venv`: activated, whatever was active before."""
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "VIRTUAL_ENV": str(VENV)}
    return {**os.environ, **own, **extra}


def _remove_venv() -> None:
    # What is there is broken (a removed or too old interpreter), except the lock that we hold and the logs.
    for path in VENV.iterdir():
        if path != STATE:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in ("stamps", "environments"):
        shutil.rmtree(STATE / name, ignore_errors=True)


def _installer(python: Path) -> list[str]:
    if uv := find_uv():
        return [*uv, "pip", "install", "--python", str(python)]
    if not answer([python, "-m", "pip", "--version"]):
        answer([python, "-m", "ensurepip"])
    if answer([python, "-m", "pip", "--version"]):
        return [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    if answer([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(python), "install", "--disable-pip-version-check"]
    raise StepFailed(f"There is no pip for {sys.executable}.\nWhat to do: {_no_pip_advice()}")


def _no_pip_advice() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"give this Python a working venv and pip (Debian, Ubuntu: sudo apt-get install python{version}-venv), "
        "or install uv, then run this again."
    )
