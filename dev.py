#!/usr/bin/env python3
"""Everything a developer does with TokenBudget, with nothing but Python 3.11 or newer.

    python3 dev.py up       # start everything and print where it is
    python3 dev.py test     # run every test

Makes `.venv`, installs into it and builds `web/` when something changed since the last time, so that a second start
is a matter of seconds. Uses uv and Node.js when they are there and does without when they are not.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this with an older one deserves a sentence, not a trace
    sys.exit("TokenBudget needs Python 3.11 or newer, this is {}.{}.".format(*sys.version_info))

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from devtools import advisories, browser, environment, sdks, web
from devtools.outcome import Outcome
from devtools.processes import ROOT, WINDOWS, interrupt_on_termination, run
from devtools.steps import StepFailed, say, step

BENCHMARKS = ROOT / "tests" / "benchmarks"


def up(args: list[str]) -> int:
    """Start the database, the API and both dashboards (arguments go to `tokenbudget up`)."""
    environment.prepare("all")
    web.build()
    program = environment.BIN / ("tokenbudget.exe" if WINDOWS else "tokenbudget")
    if not WINDOWS:  # The exec of Windows returns to the shell while the program runs on.
        os.execve(program, [str(program), "up", *args], environment.tool_environment())
    return subprocess.run([program, "up", *args], check=False).returncode


def test(args: list[str]) -> int:
    """Run every test; arguments go to pytest, and naming some tests runs just these."""
    environment.prepare("dev")
    everything = not _names_tests(args)
    if everything:
        sdks.prepare()
    web.build()
    extra = {browser.VARIABLE: chromium} if (chromium := browser.find_or_download()) else {}
    outcome = Outcome()
    options = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadgroup", *args]
    command: list[str | Path] = [environment.PYTHON, "-m", "pytest", *options]
    outcome.run_pytest("main", command, env=environment.tool_environment(**extra))
    if everything:
        sdks.test(outcome, options)
        outcome.web_code = web.test()
    return outcome.report()


def check(_args: list[str]) -> int:
    """Lint, check formats, types, layers, licences and advisories, and that generated files are up to date."""
    environment.prepare("dev")
    python = environment.PYTHON
    steps: dict[str, list[str | Path]] = {
        "ruff check": [python, "-m", "ruff", "check", "--output-format=concise", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "--output-format=concise", "."],
        "mypy": [python, "-m", "mypy"],
        "import layers": [environment.BIN / "lint-imports"],
        "licences": [python, "-m", "devtools.licences"],
        **{f"{path.name} --check": [python, path, "--check"] for path in _documentation_generators()},
    }
    failed = [title for title, command in steps.items() if not _passes(title, command)]
    if web.check():
        failed.append("web")
    if not advisories.passes():
        failed.append("advisories")
    if not _types_are_current():
        failed.append("TypeScript types")
    say("✗" if failed else "✓", f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return bool(failed)


def bench(args: list[str]) -> int:
    """Run the named benchmarks, or all of them (options such as --events=1000000 go to each)."""
    environment.prepare("test")
    existing = {path.stem.removeprefix("bench_"): path for path in sorted(BENCHMARKS.glob("bench_*.py"))}
    options = [argument for argument in args if argument.startswith("-")]
    names = [argument for argument in args if not argument.startswith("-")] or list(existing)
    if unknown := set(names) - set(existing):
        raise StepFailed(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(existing) or 'none'}")
    codes = []
    for name in names:
        say("▸", f"bench {name}")
        codes.append(run([environment.PYTHON, existing[name], *options]))
    return max(codes, default=0)


def docs(_args: list[str]) -> int:
    """Write the generated pages of the documentation anew."""
    environment.prepare("test")
    return max((run([environment.PYTHON, path]) for path in _documentation_generators()), default=0)


def types(_args: list[str]) -> int:
    """Write the API's OpenAPI document and the web's TypeScript types of it anew."""
    environment.prepare("test")
    litestar: list[str | Path] = [environment.PYTHON, "-m", "litestar", "--app", "tokenbudget_server.app:create_app"]
    # The application is only described: it never connects.
    described = environment.tool_environment(TOKENBUDGET_DATABASE_URL="postgresql://localhost/unused")
    code = run([*litestar, "schema", "openapi", "--output", web.OPENAPI], env=described)
    return code or web.generate_types() or 0


def prices(args: list[str]) -> int:
    """Build the bundled price book anew from its source table."""
    environment.prepare("test")
    return run([environment.PYTHON, "-m", "tokenbudget.pricing.book.build", *args])


def lock(_args: list[str]) -> int:
    """Resolve every dependency anew: constraints.txt, the hashes in requirements, tests/environments (needs uv)."""
    if not (uv := environment.find_uv()):
        raise StepFailed("`lock` needs uv.\nWhat to do: install it (pipx install uv), then run this again.")
    # Without the header and the index lines the files hold names, versions and hashes only: no host, no path.
    quiet = ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    command = [*uv, "pip", "compile", "--universal", *quiet]
    upgrade, hashes = ["--upgrade", "pyproject.toml"], ["--generate-hashes", "-c", "constraints.txt"]
    sources = {"constraints.txt": [*upgrade, "--all-extras"]}  # First, as the others take their versions from it.
    for name, extras in environment.LOCKS.items():
        chosen = [f"--extra={extra}" for extra in extras]
        sources[f"requirements/{name}.txt"] = [*hashes, "pyproject.toml", "requirements/build.in", *chosen]
    sources["requirements/node.txt"] = ["--upgrade", "--generate-hashes", "requirements/node.in"]
    for name in sdks.TESTS:
        given = (sdks.REQUIREMENTS / name).relative_to(ROOT)
        sources[f"{given}.txt"] = [*upgrade, "--generate-hashes", f"{given}.in"]
    for output, source in sources.items():
        step(f"Resolving {output}", [*command, *source, "-o", output], advice="see the conflict named above.")
    return 0


def clean(_args: list[str]) -> int:
    """Remove what this script, the tools and the builds made; data in the home directory stays."""
    made = [environment.VENV, web.BUILT, ROOT / "dist", *web.WEB.glob("**/node_modules"), *ROOT.glob(".*_cache")]
    sources = ("tokenbudget", "server", "apps", "tests", "devtools")
    made += [cache for source in sources for cache in (ROOT / source).rglob("__pycache__")]
    for path in made:
        shutil.rmtree(path, ignore_errors=True)
    say("✓", f"removed {len(made)} directories")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    command.__name__: command for command in (up, test, check, bench, docs, types, prices, lock, clean)
}


def _documentation_generators() -> list[Path]:
    """Scripts that write one page each from the code, or compare it when called with --check."""
    return sorted((ROOT / "docs").glob("generate_*.py"))


def _passes(title: str, command: list[str | Path]) -> bool:
    try:
        step(title, command, advice="fix what is listed above.", env=environment.tool_environment())
    except StepFailed as failure:
        print(failure)
        return False
    return True


def _types_are_current() -> bool:
    before = {path: path.read_bytes() for path in (web.OPENAPI, web.TYPES) if path.exists()}
    if not before:
        return True
    if not _passes("TypeScript types", [sys.executable, Path(__file__).resolve(), "types"]):
        return False
    changed = [path.name for path, content in before.items() if path.read_bytes() != content]
    if changed:
        say("✗", f"{' and '.join(changed)} did not fit the API and are written anew: look at them and commit them.")
    return not changed


def _names_tests(args: list[str]) -> bool:
    return any(argument in {"-k", "-m"} or Path(argument.partition("::")[0]).exists() for argument in args)


def main() -> int:
    """Run the command of the command line and return its exit code."""
    name, *args = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        print(__doc__, "\nCommands:", *(f"  {key:8}{value.__doc__}" for key, value in COMMANDS.items()), sep="\n")
        return 0 if name in {"-h", "--help", "help"} else 2
    os.chdir(ROOT)
    if isinstance(sys.stdout, io.TextIOWrapper):  # Not every stand-in for a terminal is one.
        sys.stdout.reconfigure(errors="replace")
    interrupt_on_termination()
    try:
        return COMMANDS[name](args)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("■", "stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
