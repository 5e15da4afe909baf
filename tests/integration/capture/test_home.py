"""Homes that cannot be written, as in Lambda and read-only containers: calls work, and answers have them."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.journal import Journal, JournalOptions, read
from tokenbudget.journal.writing import writer
from tokenbudget.recording import recorder

pytest.importorskip("polars", reason="answers need it, and the environments of older SDKs have none")
from tokenbudget.notebook import MissingCallsWarning

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="directories of other users are POSIX")

USAGE = {"input_tokens": 1000, "output_tokens": 0}
CODE = f"""
import json, warnings
import tokenbudget as tb
said = []
warnings.showwarning = lambda message, *more: said.append(str(message))
for n in range(3):
    tb.record(provider="openai", model="gpt-4o-mini", usage={USAGE}, tags={{"n": n}})
flushed = tb.flush(1)
asked = [tb.summary("1d"), tb.by("n", "1d"), tb.timeseries("1d"), tb.events("24h"), tb.coverage("1d"), tb.reprice("1d")]
sums = [int(answer["requests"].sum()) if "requests" in answer else len(answer) for answer in asked]
cost, status = float(asked[0]["cost_usd"][0]), str(tb.status())
print(json.dumps(dict(sums=sums, cost=cost, status=status, said=said, flushed=flushed)))
"""


@pytest.fixture(params=["a file is in the way", "nothing can be made there", "of somebody else"])
def run(request, tmp_path):
    """Run code in a process whose home cannot be written."""
    home, prefix = tmp_path / "home", []
    if request.param == "a file is in the way":
        home.write_text("in the way")
    elif request.param == "nothing can be made there":
        home = "/dev/null/home"
    else:
        home.mkdir()
        (home / config.CONFIG_FILE).write_text("tz = 'Asia/Kolkata'")
        Journal(home).append(b"{}")
        home.chmod(0o000)
        prefix = _without_roots_rights()

    def running(code):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("TOKENBUDGET_")}
        done = subprocess.run(
            [*prefix, sys.executable, "-c", code],
            env=variables | {"TOKENBUDGET_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    yield running
    if request.param == "of somebody else":
        home.chmod(0o700)


def _without_roots_rights():
    """Return what makes a program of root's heed the permissions of directories."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may enter every directory, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def test_answers_have_what_is_in_memory(run):
    said, stderr = run(CODE)
    assert said["sums"] == [3, 3, 3, 3, 0, 3]
    assert said["cost"] == pytest.approx(3 * 0.00015)
    assert "3 kept" in said["status"]
    assert "3 in memory only" in said["status"]
    assert "0 to send" not in said["status"]
    assert not said["flushed"]
    assert stderr.count("cannot write events to") == 1
    assert "e.g. TOKENBUDGET_HOME=/" in stderr
    assert "3 events are lost" in stderr
    unreadable = "Permission denied" in stderr
    assert any("cannot be read" in each or "to read it is denied" in each for each in said["said"]) == unreadable


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """Return the home of this process, which cannot be written while a file is in its way."""
    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.0)
    home = tmp_path / "home"
    home.write_text("in the way")
    tb.configure(home=home, url="")
    yield home
    tb.shutdown()
    recorder._unwritten = None
    config.reset()


def call(connect, *answers):
    client, _ = connect(openai.OpenAI, *(answers or [bodies.CHAT]))
    client.chat.completions.create(**ASK)


def requests():
    return int(tb.summary("1d")["requests"].iloc[0])


def test_calls_go_to_the_home_that_is_set_then(blocked, connect, tmp_path):
    seen_ids.forget()
    call(connect)
    tb.configure(home=tmp_path / "other")
    assert requests() == 1  # Before there is another call.
    assert len(list(read(tmp_path / "other"))) == 1
    assert tb.flush()
    call(connect, bodies.CHAT | {"id": "chatcmpl-2"})
    assert requests() == 2


def reprice():
    with pytest.raises(OSError, match="home"):
        tb.reprice("1d", dry_run=False)


@pytest.mark.parametrize("end", [tb.shutdown, lambda: tb.configure(project="other"), reprice])
def test_calls_stay_in_memory_when_recording_starts_anew(blocked, connect, end):
    seen_ids.forget()
    call(connect)
    for _ in range(2):
        end()
        assert requests() == 1
        assert tb.status().journal.held == 1
    blocked.unlink()
    tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
    assert requests() == len(list(read(blocked))) == 2
    assert tb.status().journal.held == 0


def test_what_is_more_than_may_wait_is_counted_and_said(blocked, monkeypatch):
    monkeypatch.setattr("tokenbudget.journal.JournalOptions", partial(JournalOptions, memory_bytes=1_000))
    for _ in range(10):
        tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
    with pytest.warns(MissingCallsWarning, match="calls of this process not in this answer") as said:
        found = requests()
    assert said[0].filename == __file__
    assert 0 < found < 10
    report = tb.status()
    assert (report.journal.held, report.journal.refused) == (found, 10 - found)
    assert f"{10 - found} events not recorded" in str(report)
