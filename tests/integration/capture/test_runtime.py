import json
import os
import subprocess
import sys
import threading

import httpx
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.wire import http_of
from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.journal import read_lines
from tokenbudget.pricing import prices
from tokenbudget.recording import recorder

USAGE = {"input_tokens": 1000, "output_tokens": 100}


@pytest.fixture
def home(tmp_path):
    tb.configure(home=tmp_path, url="", project="demo")
    yield tmp_path
    tb.shutdown()
    config.reset()


def recorded(home):
    return [json.loads(line) for line in read_lines(home)]


def test_an_event_is_on_disk_before_the_call_returns(home, connect):
    client, _ = connect(openai.OpenAI, bodies.CHAT)
    client.chat.completions.create(model="gpt-4o-mini", messages=[])
    (event,) = recorded(home)
    assert (event["project"], event["cost_usd"], event["usage"]["cache_read_tokens"]) == ("demo", "0.000240000000", 400)
    assert "Hello" not in json.dumps(event)
    assert tb.flush(1)


def test_settings_changed_later_are_followed(home, tmp_path_factory):
    tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
    other = tmp_path_factory.mktemp("other")
    tb.configure(home=other, project="second")
    tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
    assert [e["project"] for e in recorded(home)] == ["demo"]
    assert [e["project"] for e in recorded(other)] == ["second"]


def test_calls_of_one_kind_follow_settings_and_prices(home, connect):
    client, _ = connect(openai.OpenAI, *[bodies.CHAT] * 5)

    def call():
        client.chat.completions.create(model="gpt-4o-mini", messages=[])

    call()
    tb.configure(project="second")
    call()
    prices.set(model="gpt-4o-mini-2024-07-18", provider="openai", input_per_million="1", output_per_million="2")
    call()
    with tb.tags(feature="chat"):
        call()
    tb.configure(enabled=False)
    call()
    events = recorded(home)
    assert [(e["project"], e["cost_usd"]) for e in events] == [
        ("demo", "0.000240000000"),
        ("second", "0.000240000000"),
        ("second", "0.001030000000"),
        ("second", "0.001030000000"),
    ]
    assert [e.get("tags") for e in events] == [None, None, None, {"feature": "chat"}]


@pytest.mark.parametrize("tier", ["default", "flex"])
def test_what_is_written_at_once_is_the_event_that_is_built(home, connect, monkeypatch, tier):
    body = bodies.CHAT | {"service_tier": tier}
    client, _ = connect(openai.OpenAI, body, body)
    for built in (False, True):
        if built:
            monkeypatch.setattr(recorder, "record_counts", lambda *_: False)
        client.chat.completions.create(model="gpt-4o-mini", messages=[])
    quick, careful = recorded(home)
    for own in ("id", "occurred_at", "latency_ms"):
        assert type(quick.pop(own)) is type(careful.pop(own))
    assert quick == careful


def test_shutdown_can_be_followed_by_more(home):
    for _ in range(2):
        tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
        tb.shutdown()
    assert len(recorded(home)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are a thing of Unix")
def test_a_forked_child_records_its_own_and_leaves_the_parents_streams(home, connect):
    client, _ = connect(openai.OpenAI, bodies.CHAT_STREAM_WITH_USAGE)
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=[], stream=True)
    next(stream)
    tb.record(provider="openai", model="parent", usage=USAGE)
    child = os.fork()
    if not child:
        tb.record(provider="openai", model="child", usage=USAGE)
        recorder.settle_streams(every=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    list(stream)
    events = recorded(home)
    assert sorted(e["model"] for e in events) == ["child", "gpt-4o-mini-2024-07-18", "parent"]
    assert {e.get("status", "ok") for e in events} == {"ok"}


EXIT = """
import sys, openai, tokenbudget as tb
from tests.integration.capture.wire import Wire, client_of
parts = [line.encode() for line in sys.argv[2].splitlines(keepends=True)]
tb.configure(home=sys.argv[1], url="")
client = tb.wrap(openai.OpenAI(api_key="unused", http_client=client_of(openai, Wire(parts))))
stream = client.chat.completions.create(model="gpt-4o-mini", messages=[], stream=True)
next(stream), next(stream)
"""


def test_a_stream_open_at_exit_is_recorded(tmp_path):
    text = b"".join(bodies.CHAT_STREAM).decode()
    result = subprocess.run([sys.executable, "-c", EXIT, tmp_path, text], capture_output=True, text=True, check=True)
    assert "tokenbudget" not in result.stderr  # openai itself complains of a stream left open
    (event,) = recorded(tmp_path)
    assert (event["status"], event["measured"], event["usage"]["output_tokens"]) == ("aborted", "estimated", 2)


def test_importing_is_light():
    heavy = ("httpx", "httpx2", "openai", "anthropic", "pydantic", "polars", "pandas", "numpy", "msgspec", "click")
    program = f"import sys, tokenbudget; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    program = f"import sys, tokenbudget as tb; tb.wrap; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['msgspec']"


def test_the_answer_of_a_server_is_not_waited_for(home):
    tb.configure(url="http://127.0.0.1:9")
    tb.record(provider="openai", model="gpt-4o-mini", usage=USAGE)
    assert tb.flush(0.2) is False
    tb.configure(url="")
    assert len(recorded(home)) == 1


@pytest.mark.skipif(http_of(openai) is httpx, reason="this openai speaks through httpx itself")
def test_shipping_leaves_httpx_alone_while_openai_looks_for_it(tmp_path):
    """Openai 3 looks for a loaded httpx in every request and would meet a half imported one."""
    program = f"""
import openai, sys, tokenbudget as tb
assert "httpx" not in sys.modules
tb.configure(home={str(tmp_path)!r}, url="http://127.0.0.1:9", api_key="tb_ak_0")
tb.record(provider="openai", model="gpt-4o-mini", usage={USAGE!r})
tb.flush(1)
print("httpx" in sys.modules, "httpx2" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True"]


def test_a_response_fetched_in_another_process_is_not_recorded_again(home, connect):
    done = bodies.but(bodies.RESPONSE, id="resp_elsewhere", background=True)
    client, _ = connect(openai.OpenAI, done)
    for _ in range(2):
        client.responses.retrieve("resp_elsewhere")
        seen_ids.forget()  # What this process remembers; another remembers nothing.
    assert len(recorded(home)) == 1


class Settled:
    def settle(self, *, every):
        self.was_asked = True


def test_streams_can_be_settled_while_other_threads_begin_new_ones():
    streams = [Settled() for _ in range(2000)]
    for stream in streams:
        recorder.watch_stream(stream)
    done = threading.Event()

    def begin():
        while not done.is_set():
            streams.append(Settled())
            recorder.watch_stream(streams[-1])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=begin)
    thread.start()
    try:
        for _ in range(5):
            recorder.settle_streams()
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert all(stream.was_asked for stream in streams[:2000])
