import logging
import re
import subprocess
import sys

import pytest

from tokenbudget.diagnostics.logs import LINES_PER_MINUTE, LONGEST_RECORD, Formatter, Throttle, without_secrets


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def record(message, *args, line=1, name="a"):
    return logging.LogRecord(name, logging.WARNING, "file.py", line, message, args, None)


def test_each_place_in_the_code_says_a_few_things_a_minute():
    clock = Clock()
    throttle = Throttle(clock)
    written = [bool(throttle.filter(record("bad %d", number))) for number in range(1_000)]
    assert written == [True] * LINES_PER_MINUTE + [False] * (1_000 - LINES_PER_MINUTE)
    assert throttle.filter(record("elsewhere", line=2)), "others are heard"
    clock.now += 60
    for expected in ("bad 7 (and 990 more like it since, which were not written)", "bad 7"):
        again = record("bad %d", 7)
        assert throttle.filter(again)
        assert again.getMessage() == expected
        clock.now += 60


def test_what_is_remembered_does_not_grow_with_what_clients_send():
    throttle = Throttle()
    for number in range(1_000):
        throttle.filter(record(f"GET /{number}"))
    assert len(throttle._said) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the key tb_ak_0123456789abcdef0123456789abcdef is no more", "the key tb_ak_… is no more"),
        ("redis://:secret@127.0.0.1:6379/0", "redis://:…@127.0.0.1:6379/0"),
        ("postgresql://u:p:w@host/db", "postgresql://u:…@host/db"),
        ("http://127.0.0.1:8321/a@b", "http://127.0.0.1:8321/a@b"),
    ],
)
def test_secrets_are_left_out(text, left):
    assert without_secrets(text) == left
    assert left in Formatter().format(record("%s", text))


def test_a_line_is_cut():
    text = Formatter().format(record("x" * 100_000 + "the end"))
    assert len(text) < LONGEST_RECORD + 100
    assert text.endswith("the end")


def test_a_program_logs_in_our_way_and_a_library_does_not():
    say = "('a key: %s', 'tb_ak_' + 'a' * 32)"
    code = f"import logging; {{}} [logging.getLogger(x).info{say} for x in ('tokenbudget_server.a', 'httpx')]"
    for set_up, shown in (
        ("from tokenbudget.diagnostics import logs; logs.set_up();", True),
        ("import tokenbudget;", False),
    ):
        said = subprocess.run([sys.executable, "-c", code.format(set_up)], capture_output=True, text=True, check=True)
        assert re.findall(r"Z INFO (.*)", said.stderr) == (["tokenbudget_server.a: a key: tb_ak_…"] if shown else [])
