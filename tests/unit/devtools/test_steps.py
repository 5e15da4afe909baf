"""What a step shows: a line where it succeeds, the end of its output and what to do where it fails."""

TITLE, LOG = "Installing Python packages", ".venv/.dev/logs/installing-python-packages.log"


def uv_that(checkout, body):
    """Have uv make environments as ever, and do something else when it installs."""
    uv = checkout.programs / "uv"
    uv.write_text(f'{uv.read_text()}\nif [ "$1" = pip ]; then {body}; fi\n')


def test_success_takes_one_line_and_keeps_the_output_in_a_log(checkout):
    uv_that(checkout, "echo noise")
    said = checkout.dev("docs")
    assert f"✓ {TITLE}" in said
    assert "noise" not in said
    assert (checkout.root / LOG).read_text() == "noise\n"


def test_failure_shows_the_end_of_the_output_and_what_to_do(checkout):
    uv_that(checkout, "n=0; while [ $n -lt 90 ]; do n=$((n + 1)); echo $n; done; exit 3")
    said = checkout.dev("docs", code=1)
    assert f"✗ {TITLE}" in said
    assert "\n89\n90\n" in said
    assert "\n50\n" not in said
    assert f"{TITLE} failed (exit code 3)." in said
    assert f"All output: {checkout.root / LOG}" in said
    assert said.splitlines()[-1].startswith("What to do: ")


def test_colours_and_redrawn_progress_bars_are_read_as_a_person_sees_them(checkout):
    uv_that(checkout, r"printf '\033[32mgreen\033[0m\r\n 10%%\r 100%%\ndone\n\n'; exit 1")
    assert "\ngreen\n 100%\ndone\n" in checkout.dev("docs", code=1)


def test_a_program_that_does_not_exist_is_a_failure_like_any_other(checkout):
    (checkout.venv / "bin/lint-imports").unlink()
    said = checkout.dev("check", code=1)
    assert "/lint-imports: " in said
    assert "import layers failed (exit code 127)" in said
