"""What is installed when, with what, and what is said where it cannot be."""

import importlib.util
import os
import shutil

import pytest

FIRST = [".venv", ".[test]"]  # `docs` needs what tests need.
BACKEND = """
import zipfile

FILES = {
    "x.py": "import sys\\ndef main(): print('really', *sys.argv[1:])",
    "x-0.dist-info/entry_points.txt": "[console_scripts]\\ntokenbudget = x:main\\n",
    "x-0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: x\\nVersion: 0\\nProvides-Extra: all\\n",
    "x-0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "x-0.dist-info/RECORD": "",
}

def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/x-0-py3-none-any.whl", "w") as wheel:
        for name, content in FILES.items():
            wheel.writestr(name, content)
    return "x-0-py3-none-any.whl"

build_wheel = build_editable
"""


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda root: None, []),
        (lambda root: (root / "pyproject.toml").write_text("changed"), [".[test]"]),
        (lambda root: (root / "constraints.txt").write_text("changed"), [".[test]"]),
        (lambda root: (root / ".venv/bin/python").unlink(), FIRST),
        (lambda root: (root / ".venv/bin/python").write_text("#!/bin/sh\nexit 1"), FIRST),
    ],
    ids=["nothing", "pyproject.toml", "constraints.txt", "a removed interpreter", "an interpreter that is too old"],
)
def test_a_second_start_installs_what_changed(checkout, change, again):
    checkout.dev("docs")
    change(checkout.root)
    checkout.dev("docs")
    assert checkout.installed() == FIRST + again


def test_what_the_greater_extra_installed_serves_the_lesser_but_not_the_other_way_round(checkout):
    for command in (["up"], ["test", "-k", "x"], ["docs"], ["up"]):
        checkout.dev(*command)
    assert checkout.installed() == [".venv", ".[all]", ".[dev]"]


def test_a_moved_checkout_is_installed_anew(checkout):
    checkout.dev("docs")
    checkout.root = checkout.root.rename(checkout.folder / "moved")
    checkout.dev("docs")
    assert checkout.installed()[-1] == ".[test]"
    assert len(checkout.installed()) == 3


def test_an_installation_that_failed_says_what_to_do_and_is_tried_again(checkout):
    said = checkout.dev("docs", code=1, FAIL="uv pip*")
    assert "Installing Python packages failed (exit code 1)" in said
    assert "What to do: check the network, or the proxy or package index that your pip is configured for" in said
    checkout.dev("docs")
    assert checkout.installed() == [*FIRST, ".[test]"]


def test_of_two_first_starts_one_waits_for_the_other(checkout):
    gate = checkout.folder / "gate"
    os.mkfifo(gate)
    uv = checkout.programs / "uv"
    uv.write_text(f'{uv.read_text()}\n[ "$1" != pip ] || read line < {gate}\n')
    # To open the gate for writing is to wait until the first start stands at it.
    with checkout.start("docs") as one, gate.open("w") as opened, checkout.start("docs") as other:
        assert other.stdout.readline() == "… Waiting for another dev.py that installs or builds here\n"
        opened.write("pass\n")
        opened.flush()
        for process in (one, other):
            process.communicate()
            assert process.returncode == 0
    assert checkout.installed() == FIRST


@pytest.mark.parametrize("shim", [False, True], ids=["no uv", "a version manager's shim that leads nowhere"])
def test_without_uv_pip_installs(checkout, shim):
    shutil.copytree(checkout.venv / "bin", checkout.root / ".venv/bin")
    checkout.program("python", "echo pip 26", "bin").rename(checkout.root / ".venv/bin/python")
    checkout.program("uv", "exit 127")
    if not shim:
        (checkout.programs / "uv").unlink()
    checkout.dev("docs")
    *_, asked = checkout.calls("python")
    assert asked == ".venv/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e .[test]"


def test_without_any_installer_the_error_says_what_to_install(checkout):
    shutil.copytree(checkout.venv / "bin", checkout.root / ".venv/bin")
    (checkout.programs / "uv").unlink()
    said = checkout.dev("docs", code=1)
    assert "There is no pip for" in said
    assert "sudo apt-get install python3." in said
    assert "or install uv" in said


@pytest.mark.skipif(not importlib.util.find_spec("ensurepip"), reason="this Python has no ensurepip")
def test_a_machine_with_nothing_but_python_is_enough(checkout):
    (checkout.programs / "uv").unlink()
    (checkout.root / "backend.py").write_text(BACKEND)
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (checkout.root / "pyproject.toml").write_text(f'{system}[project]\nname = "x"\nversion = "0"\n')
    said = checkout.dev("up", "--demo", PIP_NO_INDEX="1")
    assert "✓ Making the virtual environment .venv" in said
    assert "✓ Installing Python packages" in said
    assert said.endswith("really up --demo\n")
