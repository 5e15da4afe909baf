import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from tokenbudget import config
from tokenbudget.cli.prices import prices as command
from tokenbudget.core.errors import PriceError
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, price
from tokenbudget.pricing.book import store
from tokenbudget.pricing.book.sync import fetch, sync

NOW = datetime(2026, 12, 1, tzinfo=UTC)
MILLION = Usage(input_tokens=1_000_000, output_tokens=0)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "in_force", config.resolve(home=tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def newer(tmp_path):
    """The bundled table as LiteLLM would write it, with one price halved and one model more."""

    def make(**entries):
        book = PriceBook.bundled()
        table = {}
        for key in book:
            row = book.latest(key)
            if row.listed:
                table[key] = {"litellm_provider": row.provider, "mode": row.mode} | row.fields()
        for key, fields in entries.items():
            table[key] = table.get(key, {"litellm_provider": "openai"}) | fields
        path = tmp_path / "table.json"
        path.write_text(json.dumps(table, default=float), "utf-8")
        return str(path)

    return make


def test_what_changed_is_appended_and_dated(home, newer):
    before = price("openai", "gpt-4o", MILLION, at=NOW).cost_usd
    url = newer(
        **{"gpt-4o": {"input_cost_per_token": float(before) / 2e6}, "gpt-brand-new": {"input_cost_per_token": 1e-6}}
    )
    found = sync(url, now=NOW)
    assert (found.counts["new"], found.counts["lowered"], found.counts["removed"]) == (1, 1, 0)
    config.in_force = config.resolve(home=home)
    day_before = datetime(2026, 11, 30, tzinfo=UTC)
    assert price("openai", "gpt-4o", MILLION, at=NOW).cost_usd == before / 2
    assert price("openai", "gpt-4o", MILLION, at=day_before).cost_usd == before
    assert price("openai", "gpt-brand-new", Usage(input_tokens=10), at=day_before).cost_usd == Decimal("0.00001")
    assert sync(url, now=NOW).rows == ()


def test_a_dry_run_writes_nothing(home, newer):
    assert sync(newer(**{"gpt-x": {"input_cost_per_token": 1e-6}}), dry_run=True).counts["new"] == 1
    assert store.synced(home) == []


@pytest.mark.parametrize("content", ["", "[]", "{", '{"gpt-4o": {"input_cost_per_token": 1}}'])
def test_a_broken_download_changes_nothing(home, tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_text(content, "utf-8")
    with pytest.raises(PriceError, match="nothing was changed"):
        sync(str(path))
    assert store.synced(home) == []


def test_an_address_that_does_not_answer_says_which():
    with pytest.raises(PriceError, match=r"http://127.0.0.1:9/table.json"):
        fetch("http://127.0.0.1:9/table.json")


def test_a_damaged_file_is_named_with_its_line(home):
    store.folder(home).mkdir(parents=True)
    (store.folder(home) / store.OVERRIDES).write_text(
        '{"provider":"openai","model":"a","prices":{}}\n{"prov\n', "utf-8"
    )
    with pytest.raises(PriceError, match=r"overrides.jsonl, line 2"):
        store.overrides(home)
    refused = price("openai", "gpt-4o", MILLION)
    assert (refused.reason, "line 2" in refused.detail) == ("error", True)


def test_a_directory_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "prices").write_text("a file", "utf-8")
    from tokenbudget.pricing.book.overrides import make

    with pytest.raises(PriceError, match="the prices are as they were"):
        store.append(tmp_path, [make(model="m", provider="openai", multiplier=1)], store.OVERRIDES)


class TestCommand:
    def test_sync(self, home, newer):
        answer = CliRunner().invoke(command, ["sync", "--from", newer(**{"gpt-4o": {"input_cost_per_token": 1e-3}})])
        assert answer.exit_code == 0, answer.output
        assert "1 held" in answer.output
        assert "--confirm gpt-4o" in answer.output

    def test_sync_that_fails(self, home):
        answer = CliRunner().invoke(command, ["sync", "--from", "/nowhere.json"])
        assert answer.exit_code == 1
        assert "cannot fetch prices from /nowhere.json" in answer.output

    def test_set_and_show(self, home):
        run = CliRunner().invoke
        assert run(command, ["set", "azure", "house", "--input", "2", "--output", "8", "--note", "deal"]).exit_code == 0
        shown = run(command, ["show", "azure", "house"]).output
        assert "override: deal" in shown
        assert "0.01" in shown

    def test_what_cannot_be_set_or_shown_says_why(self, home):
        run = CliRunner().invoke
        assert "either rates" in run(command, ["set", "azure", "house"]).output
        assert "no price for 'gpt-nope'" in run(command, ["show", "openai", "gpt-nope"]).output
