"""What `tokenbudget` promises: its names, that they are all there, and that importing it is cheap."""

import subprocess
import sys

import pytest

import tokenbudget as tb

NAMES = [
    "by",
    "configure",
    "coverage",
    "estimate",
    "events",
    "explain",
    "flush",
    "import_agents",
    "patch",
    "percentiles",
    "plot_costs",
    "prices",
    "record",
    "reprice",
    "shutdown",
    "status",
    "summary",
    "tagged",
    "tags",
    "timeseries",
    "unpatch",
    "wrap",
]
HEAVY = {
    "pandas",
    "polars",
    "numpy",
    "pyarrow",
    "matplotlib",
    "httpx",
    "httpx2",
    "openai",
    "anthropic",
    "panel",
    "click",
}


def test_the_public_names_are_these() -> None:
    assert tb.__all__ == dir(tb) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(tb, name).__doc__


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="summary"):
        tb.sumary  # noqa: B018


def test_importing_tokenbudget_imports_nothing_heavy() -> None:
    code = "import sys, tokenbudget, tokenbudget.capture, tokenbudget.recording.recorder; print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(modules)


@pytest.mark.parametrize("name", ["estimate", "explain", "record", "status", "wrap"])
def test_recording_and_explaining_calls_needs_no_extra(name: str) -> None:
    code = f"import sys; sys.modules['polars'] = None; import tokenbudget; tokenbudget.{name}"
    subprocess.run([sys.executable, "-c", code], check=True)
