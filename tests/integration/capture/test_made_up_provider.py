"""A provider that does not exist is added by its folder and one recorded answer, and nothing else."""

import importlib.util
import json
import shutil
import sys
from functools import cache
from pathlib import Path

import groq
import pytest

import tokenbudget as tb
from tests.recordings.corpus import cost, recordings, total, used
from tests.recordings.replay import WAYS, parsed, replayed
from tokenbudget.capture import patching, providers, registry
from tokenbudget.core.errors import UnsupportedClientError

ROOT = Path(__file__).parents[3]
DECLARATION = '''
"""Acme's SDK: usage in words of its own."""

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.clients.stainless import StainlessSdk
from tokenbudget.capture.usage.fields import Reader

CHAT = Api(
    operation="chat",
    read=Reader(
        model="model",
        response_id="id",
        input_tokens="spent.heard",
        cache_read_tokens="spent.heard_before",
        output_tokens="spent.said",
    ),
)

SDK = StainlessSdk(name="acme", clients=("Acme", "AsyncAcme"), provider="acme", routes={"/chat/completions": CHAT})
'''
ANSWER = {
    "id": "acme-1",
    "provider": "acme",
    "api": "chat",
    "host": "api.acme.example",
    "url_path": "/chat/completions",
    "request": {"model": "acme-large"},
    "source": {"repository": ""},
    "response": {
        "id": "answer-1",
        "object": "chat.completion",
        "created": 1,
        "model": "acme-large-2",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
        "spent": {"heard": 120, "heard_before": 100, "said": 30},
    },
}
EXPECTED = {
    "id": "acme-1",
    "tokens": {"input_tokens": 120, "cache_read_tokens": 100, "output_tokens": 30},
    "cost": [["cache_read", 100, "0.000001"], ["input", 20, "0.00001"], ["output", 30, "0.00002"]],
}


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """Add the provider and its SDK, and give its recorded answer."""
    _make_client(tmp_path / "site")
    _write(tmp_path / "providers" / "acme" / "__init__.py", DECLARATION)
    _write(tmp_path / "recordings" / "answers" / "acme-1.json", json.dumps(ANSWER))
    _write(tmp_path / "recordings" / "expected.jsonl", json.dumps(EXPECTED))
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path / "providers")])
    monkeypatch.setattr(patching, "_watcher", cache(patching._watcher.__wrapped__))  # watches the new package as well
    registry.forget()
    (recording,) = recordings(tmp_path / "recordings")
    yield recording
    tb.unpatch()
    registry.forget()
    providers.__dict__.pop("acme", None)
    for name in [name for name in sys.modules if "acme" in name.split(".")]:
        del sys.modules[name]


def _make_client(site):
    """Make a package as Stainless generates it: Groq's, under another name."""
    shutil.copytree(Path(groq.__file__).parent, site / "acme", ignore=shutil.ignore_patterns("__pycache__"))
    for file in (site / "acme").rglob("*.py"):
        file.write_text(file.read_text("utf-8").replace("groq", "acme").replace("Groq", "Acme"), "utf-8")


def _write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _set_prices():
    tb.prices.set(
        provider="acme",
        model="acme-large-2",
        input_per_million=10,
        cache_read_per_million=1,
        output_per_million=20,
    )


def test_it_is_measured_in_every_way_that_its_answer_can_come_in(acme):
    _set_prices()
    ways = [name for name, way in WAYS.items() if way.applies(acme)]
    assert ways == ["live", "raw"]
    for way in ways:
        event = replayed(acme, way, server=None)
        assert (event.provider, event.model, event.requested_model) == ("acme", "acme-large-2", "acme-large")
        assert used(event) == acme.used
        assert event.cost_usd == cost(event) == total(acme.cost)


def test_it_is_measured_without_being_wrapped_under_patch(acme, events):
    _set_prices()
    tb.patch()
    assert "acme" not in sys.modules
    parsed(acme, None, wrap=lambda client: client)
    (event,) = events
    assert (event.provider, used(event), event.cost_usd) == ("acme", acme.used, total(acme.cost))
    tb.unpatch()
    parsed(acme, None, wrap=lambda client: client)
    assert len(events) == 1


def test_it_is_in_the_documentation_and_in_messages(acme):
    spec = importlib.util.spec_from_file_location("generate_providers", ROOT / "docs" / "generate_providers.py")
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    text = docs.page()
    assert "| `acme` | `Acme`, `AsyncAcme` |" in text
    assert "### acme\n\n| Operation | Fields |\n|---|---|\n| `chat` | `input_tokens`, " in text
    client = importlib.import_module("acme").Acme
    with pytest.raises(UnsupportedClientError, match=r"the class acme\.Acme: make a client of it"):
        tb.wrap(client)
