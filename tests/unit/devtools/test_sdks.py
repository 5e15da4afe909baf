"""The environments with other versions of the SDKs."""

from devtools import sdks

ENVIRONMENTS = ".venv/.dev/environments"
OLDEST = [f"{ENVIRONMENTS}/oldest", "tests/environments/oldest.txt"]
LITELLM = [f"{ENVIRONMENTS}/litellm", "tests/environments/litellm.txt"]


def test_each_is_installed_once_and_again_when_its_pins_change(checkout):
    checkout.dev("test")
    checkout.dev("test")
    (checkout.root / "tests/environments/litellm.txt").write_text("changed")
    checkout.dev("test")
    assert checkout.installed() == [".venv", ".[dev]", *OLDEST, *LITELLM, *LITELLM]


def test_capture_is_tested_in_each_with_the_same_options(checkout):
    said = checkout.dev("test", "-q")
    runs = {call.partition(" ")[0]: call for call in checkout.calls("python") if " -m pytest " in call}
    main, oldest, litellm = (runs[f"{folder}/bin/python"] for folder in (".venv", OLDEST[0], LITELLM[0]))
    assert len(runs) == 3
    assert all(" -q --junitxml=" in call for call in (main, oldest, litellm))
    assert " tests/integration/capture -n" in oldest
    assert " tests/integration/capture/test_litellm.py " in litellm
    assert "tests/integration" not in main
    assert "▸ Capture with the SDKs of oldest: " in said


def test_an_environment_that_cannot_be_installed_stops_the_run(checkout):
    said = checkout.dev("test", code=1, FAIL="uv pip*oldest.txt")
    assert "Installing the SDKs of oldest failed" in said
    assert not [call for call in checkout.calls("python") if "-m pytest" in call]


def test_pins_name_no_place():
    for name in sdks.TESTS:
        assert "/" not in (sdks.REQUIREMENTS / f"{name}.txt").read_text()
