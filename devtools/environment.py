"""The virtual environment: made when missing, installed again when its inputs change."""

import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from devtools.processes import ROOT, WINDOWS, answer
from devtools.steps import StepFailed, step

VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
STATE = VENV / ".dev"
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
EXTRAS = ("test", "dev")  # Each contains the one before it.
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
        """Say whether the step was done with just these contents."""
        return self.file.exists() and self.file.read_text(encoding="ascii") == self.digest

    def set(self) -> None:
        """Remember that the step is done."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.digest, encoding="ascii")


def prepare(extra: str) -> None:
    """Bring `.venv` up to date with pyproject.toml and constraints.txt; `extra` is one of `EXTRAS`."""
    if answer([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) is None:
        _make_venv()
    inputs = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    sufficient = [Stamp(f"install-{name}", inputs) for name in EXTRAS[EXTRAS.index(extra) :]]
    if not any(stamp.fresh() for stamp in sufficient):
        install("Installing Python packages", "-c", "constraints.txt", "-e", f".[{extra}]")
        sufficient[0].set()


def install(title: str, *requirements: str) -> None:
    """Install packages into `.venv` with uv when it is there, else with pip."""
    step(title, [*_installer(), *requirements], advice=_NETWORK)


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


def _make_venv() -> None:
    if VENV.exists():  # Broken (a removed or too old interpreter): nothing in it can be used.
        shutil.rmtree(VENV)
    if uv := find_uv():
        # The log of this very step is already inside the directory.
        command = [*uv, "venv", "--allow-existing", "--python", sys.executable, str(VENV)]
    else:
        pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        command = [sys.executable, "-m", "venv", *pip, str(VENV)]
    step("Making the virtual environment .venv", command, advice=_no_pip_advice())


def _installer() -> list[str]:
    if uv := find_uv():
        return [*uv, "pip", "install", "--python", str(PYTHON)]
    if not answer([PYTHON, "-m", "pip", "--version"]):
        answer([PYTHON, "-m", "ensurepip"])
    if answer([PYTHON, "-m", "pip", "--version"]):
        return [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    if answer([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--disable-pip-version-check"]
    raise StepFailed(f"There is no pip for {sys.executable}.\nWhat to do: {_no_pip_advice()}")


def _no_pip_advice() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"give this Python a working venv and pip (Debian, Ubuntu: sudo apt-get install python{version}-venv), "
        "or install uv, then run this again."
    )
