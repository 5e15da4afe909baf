"""The last line of `dev.py test`."""

import pytest

NAMED = ["-k", "x"]


def report(tests, failures=0, errors=0, skipped=0):
    return f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'


@pytest.mark.parametrize(
    ("args", "runs", "failing", "line"),
    [
        (NAMED, {"main": (report(5, skipped=2), 0)}, "", " 3 passed, 2 skipped in "),
        (NAMED, {"main": (report(5, failures=2, errors=1), 1)}, "", " FAILED: 2 failed, 2 passed, 1 errors in "),
        (NAMED, {"main": (report(0), 5)}, "", " FAILED: 0 passed in "),
        (NAMED, {"main": (None, 4)}, "", " FAILED: pytest (main) stopped with exit code 4 in "),
        ([], {"main": (report(5), 0)}, "", " 7 passed, web tests passed in "),
        ([], {"main": (report(5), 0)}, "npm run --silent test", " FAILED: 7 passed, web tests failed in "),
        (
            [],
            {"main": (report(3, skipped=1), 0), "oldest": (report(3, failures=1), 1), "litellm": (None, 2)},
            "",
            " FAILED: 1 failed, 4 passed, 1 skipped, pytest (litellm) stopped with exit code 2, web tests passed in ",
        ),
    ],
)
def test_the_last_line_and_the_exit_code_tell_the_whole(checkout, args, runs, failing, line):
    checkout.add_web()
    checkout.pytest(runs)
    last = checkout.dev("test", *args, code=int("FAILED" in line), FAIL=failing).splitlines()[-1]
    assert last.strip("=").startswith(line)


def test_the_report_of_an_earlier_run_is_not_counted(checkout):
    checkout.dev("test", *NAMED)
    checkout.pytest({"main": (None, 4)})
    assert "passed" not in checkout.dev("test", *NAMED, code=1).splitlines()[-1]
