"""The commands of dev.py: what each runs, what it says, and with which exit code it ends."""

import json

import pytest

NAMES = ["up", "test", "check", "bench", "docs", "types", "prices", "lock", "clean"]


def test_help_lists_every_command_and_touches_nothing(checkout):
    for args in (["--help"], []):
        said = checkout.dev(*args)
        assert [line.split()[0] for line in said.partition("Commands:\n")[2].splitlines()] == NAMES
    assert not (checkout.root / ".venv").exists()


def test_an_unknown_command_shows_the_help_and_fails(checkout):
    assert "\n  test " in checkout.dev("tset", code=2)


def test_characters_that_a_terminal_cannot_show_are_replaced(checkout):
    assert "? Installing Python packages" in checkout.dev("docs", PYTHONUTF8="0", PYTHONIOENCODING="ascii")


def test_up_serves_from_the_environment_with_its_arguments(checkout):
    assert checkout.dev("up", "--demo").endswith(f"\nserving in {checkout.root / '.venv'}\n")
    assert checkout.calls("tokenbudget") == [".venv/bin/tokenbudget up --demo"]
    checkout.dev("up", code=1, FAIL="tokenbudget*")


@pytest.mark.parametrize(
    ("args", "everything"),
    [
        ([], True),
        (["-q", "-n", "4"], True),
        (["tests"], False),
        (["tests/environments/oldest.in::TestThis"], False),
        (["-k", "money"], False),
        (["-m", "browser"], False),
    ],
)
def test_the_web_and_other_sdks_are_tested_unless_some_tests_are_named(checkout, args, everything):
    checkout.add_web()
    checkout.dev("test", *args)
    runs = [call for call in checkout.calls("python") if " -m pytest " in call]
    assert f" {' '.join([*args, '--junitxml='])}" in runs[0]
    assert len(runs) == (3 if everything else 1)
    assert ("run test" in checkout.npm()) is everything


class TestCheck:
    @pytest.fixture(autouse=True)
    def generator(self, checkout):
        checkout.add_web()
        (checkout.root / "docs").mkdir()
        (checkout.root / "docs/generate_x.py").touch()

    @pytest.mark.parametrize(
        ("failing", "failed"),
        [
            ("python -m ruff check*", "ruff check"),
            ("npm run --silent check", "web"),
            ("python -m litestar*", "TypeScript types"),
            (
                "*",
                "ruff check, ruff format, mypy, import layers, licences, generate_x.py --check, web, TypeScript types",
            ),
        ],
    )
    def test_what_fails_is_named_at_the_end_and_the_rest_is_checked(self, checkout, failing, failed):
        checkout.dev("up")  # Installs and builds before anything fails.
        checkout.dev("docs")
        checkout.dev("test", "-k", "x")
        assert checkout.dev("check", code=1, FAIL=failing).endswith(f"\n✗ failed: {failed}\n")

    def test_where_nothing_fails_all_passed(self, checkout):
        said = checkout.dev("check")
        assert said.endswith("\n✓ all checks passed\n")

    def test_types_that_their_generator_would_write_differently_are_found(self, checkout):
        said = checkout.dev("check", code=1, API='{"paths": 1}')
        assert "✗ openapi.json did not fit the API and are written anew: look at them and commit them." in said
        checkout.dev("check", API='{"paths": 1}')


class TestBench:
    @pytest.fixture(autouse=True)
    def benchmarks(self, checkout):
        folder = checkout.root / "tests/benchmarks"
        folder.mkdir()
        for name in ("journal", "ledger"):
            (folder / f"bench_{name}.py").write_text(
                f"import sys; print('{name}', sys.argv[1:]); sys.exit('--bad' in sys.argv)"
            )

    def test_all_or_the_named_are_run_with_the_options(self, checkout):
        assert checkout.dev("bench", "--events=9").endswith(
            "journal ['--events=9']\n▸ bench ledger\nledger ['--events=9']\n"
        )
        assert checkout.dev("bench", "ledger") == "▸ bench ledger\nledger []\n"

    def test_one_that_fails_fails_the_whole(self, checkout):
        assert "ledger ['--bad']" in checkout.dev("bench", "--bad", code=1)

    def test_an_unknown_name_is_answered_with_those_that_exist(self, checkout):
        assert "no benchmark capture; there are: journal, ledger" in checkout.dev("bench", "capture", code=1)


def test_docs_runs_every_generator_and_fails_with_any(checkout):
    (checkout.root / "docs").mkdir()
    for name, code in (("bad", 3), ("good", 0)):
        (checkout.root / f"docs/generate_{name}.py").write_text(
            f"print('{name}', flush=True); raise SystemExit({code})"
        )
    assert checkout.dev("docs", code=3).endswith("bad\ngood\n")


def test_types_are_generated_from_the_described_api(checkout):
    checkout.add_web()
    checkout.dev("types", API='{"paths": {}}')
    assert json.loads((checkout.root / "web/dashboard/openapi.json").read_text()) == {"paths": {}}
    assert checkout.npm() == ["ci", "run types"]
    checkout.dev("types", code=1, FAIL="*litestar*")
    assert checkout.npm() == ["ci", "run types"]


def test_prices_hands_its_arguments_on(checkout):
    checkout.dev("prices", "--offline")
    assert checkout.calls("python")[-1] == ".venv/bin/python -m tokenbudget.pricing.book.build --offline"


def test_lock_resolves_each_file_of_pins_without_naming_a_place(checkout):
    checkout.dev("lock")
    resolved = [call for call in checkout.calls("uv") if " pip compile " in call]
    assert [call.split()[-1] for call in resolved] == [
        "constraints.txt",
        *(f"requirements/{name}.txt" for name in ("all", "dev", "image", "node")),
        "tests/environments/oldest.txt",
        "tests/environments/litellm.txt",
    ]
    assert all(" --no-emit-index-url --no-emit-find-links " in call for call in resolved)
    (checkout.programs / "uv").unlink()
    assert "What to do: install it (pipx install uv)" in checkout.dev("lock", code=1)


def test_clean_removes_what_was_made_and_nothing_else(checkout):
    checkout.add_web()
    before = {path for path in checkout.root.rglob("*") if "__pycache__" not in path.parts}
    checkout.dev("up")
    assert "✓ removed " in checkout.dev("clean")
    checkout.built.parent.rmdir()
    checkout.built.parent.parent.rmdir()
    assert set(checkout.root.rglob("*")) == before
