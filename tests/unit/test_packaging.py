"""What is written twice about the package agrees, and the wheel holds what it must."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools import environment

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIGURATION["project"]
EXTRAS = PROJECT["optional-dependencies"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def flat(requirements: list[str]) -> set[str]:
    """Return the requirements with those on our own extras replaced by what the extras require."""
    found = set()
    for requirement in requirements:
        parsed = Requirement(requirement)
        if parsed.name == PROJECT["name"]:
            found |= flat([part for extra in parsed.extras for part in EXTRAS[extra]])
        else:
            found.add(requirement)
    return found


def pins() -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]


def test_the_distribution_is_not_pypis_tokenbudget():
    assert canonicalize_name(PROJECT["name"]) != "tokenbudget"


@pytest.mark.parametrize("extra", ["analytics", "notebook", "panel", "server", "embedded", "report"])
def test_the_all_extra_holds_every_extra_for_users(extra):
    assert flat(EXTRAS[extra]) <= flat(EXTRAS["all"])


def test_the_conda_environment_lists_the_all_extra():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    options = [entry for entry in pip if entry.startswith("--")]
    assert options == ["--constraint constraints.txt", "--editable ."]
    assert set(pip) - set(options) == flat([*PROJECT["dependencies"], *EXTRAS["all"]])


def test_every_direct_requirement_is_pinned_within_its_bounds():
    pinned = {}
    for pin in pins():
        pinned.setdefault(canonicalize_name(pin.name), []).extend(spec.version for spec in pin.specifier)
    for requirement in map(Requirement, flat([*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["all"]])):
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_constraints_name_versions_and_no_place():
    assert all(pin.url is None and [spec.operator for spec in pin.specifier] == ["=="] for pin in pins())


def entries(lock: Path) -> dict[str, list[str]]:
    """Return the pins of a file, each with its hashes."""
    pinned = re.split(r"\n(?=\S)", lock.read_text().rstrip())
    return {re.split(r" [;\\]", entry)[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in pinned}


LOCKS = {**environment.LOCKS, "node": []}
WITH_HASHES = [*(ROOT / "requirements").glob("*.txt"), *(ROOT / "tests" / "environments").glob("*.txt")]


@pytest.mark.parametrize("lock", WITH_HASHES, ids=lambda path: path.stem)
def test_everything_that_is_fetched_is_pinned_by_its_hash(lock):
    assert all(hashes for hashes in entries(lock).values())
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("name", environment.LOCKS)
def test_the_hashes_are_of_what_the_constraints_name(name):
    pinned = entries(ROOT / "requirements" / f"{name}.txt")
    assert set(pinned) <= {f"{pin.name}{pin.specifier}" for pin in pins()}
    names = {canonicalize_name(Requirement(pin).name) for pin in pinned}
    wanted = flat([*PROJECT["dependencies"], *(part for extra in environment.LOCKS[name] for part in EXTRAS[extra])])
    assert {canonicalize_name(Requirement(each).name) for each in wanted} <= names
    assert "hatchling" in names, "the package itself is built with what was checked"


def test_each_lock_is_there():
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(LOCKS)


def test_the_image_installs_what_has_the_right_hash():
    (install,) = re.findall(r"^RUN (pip install .*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert all(each.strip().startswith("pip install --no-cache-dir") for each in install.split("&&")[:2])
    assert "--require-hashes --no-deps -r requirements/image.txt" in install
    assert "--no-deps --no-build-isolation ." in install
    assert "!requirements" in (ROOT / ".dockerignore").read_text()


def test_what_is_installed_follows_the_constraints():
    applying = [pin for pin in pins() if pin.marker is None or pin.marker.evaluate()]
    direct = {canonicalize_name(Requirement(name).name) for name in flat(EXTRAS["test"])}
    wrong = [pin for pin in applying if pin.name in direct and not pin.specifier.contains(version(pin.name))]
    assert not wrong


@pytest.mark.parametrize("service", ["api", "panel", "postgres", "redis"])
def test_every_service_of_compose_is_watched(service):
    assert COMPOSE["services"][service]["healthcheck"]["test"]
    assert COMPOSE["services"][service]["restart"] == "unless-stopped"


def test_compose_publishes_on_this_machine_only_and_keeps_data_in_declared_volumes():
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert all(volume.partition(":")[0] in COMPOSE["volumes"] for volume in service.get("volumes", []))


def test_compose_waits_for_services_that_exist():
    for service in COMPOSE["services"].values():
        for name, condition in service.get("depends_on", {}).items():
            assert "healthcheck" in COMPOSE["services"][name]
            assert condition == {"condition": "service_healthy"}


def test_mypy_is_strict_about_every_module_but_tests_and_notebooks():
    checked = [ROOT / file for file in CONFIGURATION["tool"]["mypy"]["files"]]
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    ours = [path for path in folders if path.name not in {"tests", "notebooks", "web", "dist", "build"}]
    modules = [*ROOT.glob("*.py"), *(module for folder in ours for module in folder.rglob("*.py"))]
    assert CONFIGURATION["tool"]["mypy"]["strict"]
    assert [module for module in modules if not any(module.is_relative_to(path) for path in checked)] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the names of the files in a wheel that is built of this tree with a built dashboard in it."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("tokenbudget", "server", "apps"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "static"))
    for file in ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py", ".gitignore"):
        shutil.copy(ROOT / file, tree)
    assets = tree / "server" / "tokenbudget_server" / "static" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text("<!doctype html>")
    (assets / "index.js").write_text("0")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out"]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (built,) = (tree / "out").glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_ships_every_module_and_data_file(wheel):
    packages = ("tokenbudget", "server/tokenbudget_server", "apps/panel_dashboard/tokenbudget_panel")
    sources = [path for package in packages for path in (ROOT / package).rglob("*") if path.is_file()]
    generated = ROOT / "server" / "tokenbudget_server" / "static"
    expected = {
        path.relative_to(next(parent.parent for parent in path.parents if parent.name.startswith("tokenbudget")))
        for path in sources
        if "__pycache__" not in path.parts and generated not in path.parents
    }
    assert expected
    assert {path.as_posix() for path in expected} <= set(wheel)


def test_the_wheel_ships_the_built_dashboard_although_git_ignores_it(wheel):
    assert {"tokenbudget_server/static/index.html", "tokenbudget_server/static/assets/index.js"} <= set(wheel)


@pytest.mark.parametrize("package", ["tokenbudget", "tokenbudget_server", "tokenbudget_panel"])
def test_the_wheel_says_that_each_package_is_typed(wheel, package):
    assert f"{package}/py.typed" in wheel


def test_the_wheel_ships_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    information = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}.dist-info"
    assert tops == {"tokenbudget", "tokenbudget_server", "tokenbudget_panel", information}
