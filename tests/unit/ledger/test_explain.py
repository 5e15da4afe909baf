from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest

from tests.unit.pricing.conftest import pinned_table
from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import Pass, Usage
from tokenbudget.journal import Journal, compact
from tokenbudget.ledger.explain import explain
from tokenbudget.ledger.sealed import PRICING, to_sealed
from tokenbudget.pricing import PriceBook, Pricer, default, prices
from tokenbudget.pricing.book.diff import read_table

EVENT = Event(
    id="018bcfe5-6800-7000-8000-000000000000",
    occurred_at=datetime(2026, 10, 5, 12, tzinfo=UTC),
    provider="openai",
    model="gpt-5",
    usage=Usage(input_tokens=1000, output_tokens=10, tools={"web_search": 1}),
    cost_usd=Decimal("0.5"),
    response_id="resp_<1>",
    warnings=("cache_read_tokens 12 > input_tokens 10",),
)


@pytest.fixture(scope="module")
def pricer():
    return Pricer(PriceBook(read_table(pinned_table(), "pinned").rows))


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "in_force", config.resolve(home=tmp_path))
    return tmp_path


def record(home, event):
    journal = Journal(home, sends=lambda: False)
    journal.append(encode(event))
    journal.close()


@pytest.fixture
def home(empty_home):
    record(empty_home, EVENT)
    return empty_home


class TestExplain:
    def test_a_receipt_in_text(self, pricer):
        text = repr(explain(EVENT, pricer))
        assert text.splitlines()[0] == "gpt-5 of openai, 2026-10-05 12:00:00 UTC"
        assert [line.split()[0] for line in text.splitlines()[1:6]] == [
            "part",
            "input",
            "output",
            "web_search",
            "total",
        ]
        assert "0.01135" in text.splitlines()[5]
        assert "recorded at $0.50" in text
        assert "cache_read_tokens 12 > input_tokens 10" in text

    def test_in_a_notebook_as_a_table(self, pricer):
        html = explain(EVENT, pricer)._repr_html_()
        assert html.count("<tr") == 5
        assert "0.01135" in html

    def test_what_a_provider_wrote_cannot_be_markup(self, pricer):
        event = msgspec.structs.replace(EVENT, model="<script>", requested_model="gpt-5")
        assert "<script>" not in explain(event, pricer)._repr_html_()

    def test_of_a_call_that_used_what_has_no_rate_what_is_known(self, pricer):
        usage = msgspec.structs.replace(EVENT.usage, tools={"web_search": 1, "telescope": 1})
        view = explain(msgspec.structs.replace(EVENT, usage=usage), pricer)
        assert view.cost_usd is None
        assert [line.part for line in view.lines] == ["input", "output", "web_search"]
        assert "known of it" in repr(view)
        assert "used telescope, for which there is no rate" in repr(view)
        assert view._repr_html_().count("<tr") == 5

    def test_no_price_says_why(self, pricer):
        view = explain(msgspec.structs.replace(EVENT, model="gpt-55"), pricer)
        assert (view.cost_usd, view.lines) == (None, ())
        assert "unknown_model" in repr(view)
        assert "unknown_model" in view._repr_html_()

    @pytest.mark.parametrize("call", [EVENT.id, "resp_<1>", SimpleNamespace(id="resp_<1>"), {"id": "resp_<1>"}])
    def test_a_recorded_call_by_its_response_or_id(self, home, call):
        assert explain(call).title == "gpt-5 of openai, 2026-10-05 12:00:00 UTC"

    def test_a_call_that_is_not_recorded(self, home):
        with pytest.raises(PriceError, match="no call 'resp_2' is recorded"):
            explain("resp_2")

    def test_what_is_no_call(self):
        with pytest.raises(PriceError, match="cannot explain a list"):
            explain([])

    def test_an_answer_is_shown_as_it_is(self):
        assert explain(Unpriced(reason="no_usage", detail="nothing was stated")).cost_usd is None


def seal(home, sealed=to_sealed):
    assert compact(home, sealed, min_bytes=0, min_segments=0).segments == 1


MILLION = Usage(input_tokens=1_000_000, output_tokens=0)
RICH = {
    "a batch": {"model": "gpt-4o", "batch": True, "usage": MILLION},
    "a region": {"provider": "bedrock", "model": "anthropic.claude-sonnet-4-5-20250929-v1:0", "region": "eu-west-1"},
    "a tier": {"model": "gpt-5", "service_tier": "flex"},
    "speed": {"provider": "anthropic", "model": "claude-opus-4-8", "speed": "fast"},
    "tools": {"model": "gpt-5", "usage": EVENT.usage},
    "units": {"provider": "cohere", "model": "rerank-v3.5", "usage": Usage(units={"search_units": Decimal(2)})},
    "a bill": {"provider": "openrouter", "usage": Usage(input_tokens=9, reported_cost_usd=Decimal("0.25"))},
    "passes": {
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "usage": Usage(
            input_tokens=300_000,
            output_tokens=10,
            passes=(
                Pass(usage=Usage(input_tokens=100_000, output_tokens=4), kind="message"),
                Pass(usage=Usage(input_tokens=200_000, output_tokens=6), model="claude-opus-4-6", kind="advisor"),
            ),
        ),
    },
    "nothing to price": {"model": "gpt-nope", "usage": MILLION},
}


@pytest.mark.parametrize("fields", RICH.values(), ids=RICH)
def test_a_sealed_call_is_explained_as_it_was_in_the_journal(empty_home, fields):
    event = default().priced(msgspec.structs.replace(EVENT, **fields))
    record(empty_home, event)
    before = explain(event.id)
    seal(empty_home)
    after = explain("resp_<1>")
    assert after == before
    assert (after.cost_usd, after.remarks) == (event.cost_usd, EVENT.warnings)


def test_a_batch_costs_what_it_was_recorded_at_when_it_is_sealed(empty_home):
    event = default().priced(msgspec.structs.replace(EVENT, **RICH["a batch"]))
    record(empty_home, event)
    seal(empty_home)
    assert explain(event.id).cost_usd == event.cost_usd == Decimal("1.25")


@pytest.mark.parametrize("cost", [Decimal("1.25"), None])
def test_of_a_file_that_lacks_what_prices_depend_on_the_recorded_cost_is_shown(empty_home, cost):
    event = msgspec.structs.replace(EVENT, **RICH["a batch"], cost_usd=cost, price_key="gpt-4o")
    record(empty_home, event)
    seal(empty_home, lambda events: to_sealed(events).drop(PRICING))
    view = explain(event.id)
    assert (view.cost_usd, [line.source for line in view.lines]) == (cost, ["recorded"] if cost else [])
    assert "its lines are not known" in repr(view)


def test_a_cost_that_prices_set_later_do_not_come_to_says_so(home):
    text = repr(explain(EVENT.id))
    assert "recorded at $0.50, which is what sums are made of" in text
    assert "tb.reprice(...)" in text


def test_a_call_that_a_server_has_taken_is_said_to_be_there(empty_home, monkeypatch):
    monkeypatch.setattr(config, "in_force", config.resolve(home=empty_home, url="http://127.0.0.1:9", api_key="k"))
    with pytest.raises(PriceError, match="what the server has taken is kept there"):
        explain("resp_2")


def test_prices_set_in_the_notebook_are_explained(home):
    prices.set(model="house", provider="azure", input_per_million=1, output_per_million=2, note="contract 12")
    event = msgspec.structs.replace(
        EVENT, provider="azure", model="house", usage=Usage(input_tokens=10, output_tokens=5)
    )
    view = explain(event)
    assert view.cost_usd == Decimal("0.00002")
    assert "override: contract 12" in repr(view)
