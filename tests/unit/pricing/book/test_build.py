import json
import zipfile
from decimal import Decimal

import pytest

from tokenbudget.pricing.book import build as module
from tokenbudget.pricing.book.price_book import read_file


@pytest.fixture
def wheel(tmp_path):
    """Make a wheel that holds a price table."""

    def make(version, **prices):
        path = tmp_path / f"litellm-{version}-py3-none-any.whl"
        table = {key: {"litellm_provider": "openai", "input_cost_per_token": price} for key, price in prices.items()}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("litellm/model_prices_and_context_window_backup.json", json.dumps(table))
        return path

    return make


@pytest.fixture
def older(monkeypatch, wheel):
    made = {
        version: wheel(version, old=1e-6 * n, kept=5e-6, **{f"only-{n}": 1e-6})
        for n, version in enumerate(module.OLDER, 1)
    }
    monkeypatch.setattr(module, "download", lambda version, folder: made[version])


def test_a_first_file_has_the_newest_table_and_what_it_dropped(tmp_path, wheel, older):
    path = tmp_path / "data" / "prices.jsonl"
    module.build(path, wheel=wheel("2.0.0", kept=1e-6))
    provenance, rows = read_file(path.read_bytes())
    assert provenance.revision == "litellm 2.0.0"
    assert [(r.key, r.listed, r.source, r.fields()["input_cost_per_token"]) for r in rows] == [
        ("kept", True, "litellm 2.0.0", Decimal("1e-6")),
        ("old", False, f"litellm {module.OLDER[-1]}", Decimal("2e-6")),
        ("only-1", False, f"litellm {module.OLDER[0]}", Decimal("1e-6")),
        ("only-2", False, f"litellm {module.OLDER[-1]}", Decimal("1e-6")),
    ]


def test_a_file_that_exists_is_appended_to(tmp_path, wheel, older):
    path = tmp_path / "prices.jsonl"
    module.build(path, wheel=wheel("2.0.0", kept=1e-6, same=1e-6))
    module.build(path, wheel=wheel("2.1.0", kept=2e-6, same=1e-6, new=1e-6))
    rows = read_file(path.read_bytes())[1]
    assert [(r.source, r.effective_from is None) for r in rows if r.key == "kept"] == [
        ("litellm 2.0.0", True),
        ("litellm 2.1.0", False),
    ]
    assert [r.source for r in rows if r.key == "same"] == ["litellm 2.0.0"]
    assert [r.effective_from for r in rows if r.key == "new"] == [None]


def test_the_report_names_what_is_not_billed_by_and_what_was_refused(tmp_path, wheel, older, monkeypatch, capsys):
    monkeypatch.setattr(module, "DATA", tmp_path)
    module.main(["--wheel", str(wheel("2.0.0", fine=1e-6, wild=5))])
    assert "refused: wild: input_cost_per_token is 5 US dollars per token" in capsys.readouterr().out
