"""Where the unit tests of a module lie: those of `a/b.py` in `a/test_b.py`."""

from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
MIRRORED = {
    "devtools": "devtools",
    "panel": "apps/panel_dashboard/tokenbudget_panel",
    "server": "server/tokenbudget_server",
}
"""Folder in tests/unit -> the package whose tests it holds.  All other folders are those of `tokenbudget/`."""
TOPICS = {
    "panel/test_formats.py": "the shared cases of numbers, in every part of the page that writes numbers",
    "pricing/test_bundled.py": "the price book that is shipped is data",
    "pricing/test_invariants.py": "properties of all ways to price: by call, by linear rates, by frame",
    "test_dev.py": "the script beside the packages",
    "test_examples.py": "the examples in all docstrings",
    "test_layers.py": "the imports of all modules",
    "test_mirror.py": "the files in tests/unit",
    "test_packaging.py": "the wheel, and what is written twice about it",
    "test_public_names.py": "what `tokenbudget` as a whole promises",
}
"""Tests that are not those of one module, and what they are about instead."""


def module_of(test: str) -> str:
    """Return the path of the module whose unit tests a file in tests/unit holds."""
    path = PurePosixPath(test)
    top, *below = path.parent.parts or ("",)
    folder = PurePosixPath(MIRRORED[top], *below) if top in MIRRORED else PurePosixPath("tokenbudget", path.parent)
    return str(folder / path.name.removeprefix("test_"))


def without_module(tests: list[str]) -> list[str]:
    """Return the files of tests that are named after no module."""
    return [test for test in tests if not (ROOT / module_of(test)).exists()]


@pytest.mark.parametrize(
    ("test", "module"),
    [
        ("test_config.py", "tokenbudget/config.py"),
        ("core/test_money.py", "tokenbudget/core/money.py"),
        ("capture/usage/test_fields.py", "tokenbudget/capture/usage/fields.py"),
        ("server/test_app.py", "server/tokenbudget_server/app.py"),
        ("server/web/test_scope.py", "server/tokenbudget_server/web/scope.py"),
        ("panel/test_bars.py", "apps/panel_dashboard/tokenbudget_panel/bars.py"),
        ("devtools/test_steps.py", "devtools/steps.py"),
    ],
)
def test_the_folder_and_the_name_tell_the_module(test, module):
    assert module_of(test) == module
    assert without_module([test, test.replace(".py", "_of_old.py")]) == [test.replace(".py", "_of_old.py")]


def test_every_unit_test_is_that_of_a_module_or_has_a_topic():
    found = without_module(sorted(path.relative_to(UNIT).as_posix() for path in UNIT.rglob("test_*.py")))
    stray = {test: module_of(test) for test in found if test not in TOPICS}
    assert stray == {}, "there are no such modules: move the tests to their module's, or give their topic in TOPICS"


def test_every_topic_is_still_needed():
    assert [test for test in TOPICS if not (UNIT / test).exists() or test not in without_module([test])] == []
