"""Every recorded answer, however it comes to its caller, is the same tokens and the same cost, worked out by hand."""

import msgspec
import polars as pl
import pytest

from tests.integration.capture import test_sdks
from tests.integration.capture.local_server import running
from tests.recordings import frameworks
from tests.recordings.corpus import AT, cost, recordings, total, used
from tests.recordings.replay import WAYS, replayed
from tests.recordings.written import WRITTEN
from tokenbudget import config
from tokenbudget.core.event import encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.receipt import Unpriced
from tokenbudget.journal import Journal, compact
from tokenbudget.ledger.explain import explain
from tokenbudget.ledger.sealed import to_sealed
from tokenbudget.pricing import default
from tokenbudget.pricing.engine.reprice import repriced

pytestmark = test_sdks.pytestmark
ALL = [*recordings(), *WRITTEN]


def every(applies):
    """Each recording that a rule applies to."""
    return pytest.mark.parametrize("recording", [one for one in ALL if applies(one)], ids=lambda one: one.id)


@pytest.fixture(scope="module")
def server():
    with running() as local:
        yield local


def test_there_is_one_of_every_way():
    counts = {name: sum(map(way.applies, ALL)) for name, way in WAYS.items()}
    assert all(count >= 20 for count in counts.values()), counts


@pytest.mark.parametrize(
    ("recording", "way"),
    [(one, name) for one in ALL for name, way in WAYS.items() if way.applies(one)],
    ids=lambda value: getattr(value, "id", value),
)
def test_an_answer_counts_and_costs_what_it_does_by_hand(recording, way, server):
    event = replayed(recording, way, server)
    assert used(event) == recording.used
    assert cost(event) == total(recording.batch if way == "batch" else recording.cost)
    assert (event.provider, event.batch, event.warnings) == (recording.provider, way == "batch", ())


@every(WAYS["batch"].applies)
def test_what_a_batch_costs_is_worked_out_by_hand_as_well(recording):
    assert (recording.batch is None) == (recording.cost is None)


@every(lambda one: not WAYS["batch"].applies(one))
def test_what_cannot_be_in_a_batch_has_no_price_there(recording):
    assert recording.batch is None


@every(frameworks.llama_index_has_it)
def test_llama_index_hands_on_the_same(recording, server):
    event = frameworks.through_llama_index(recording, server)
    assert used(event) == recording.used
    if frameworks.llama_index_says_the_tier(recording):
        assert cost(event) == total(recording.cost)


@every(lambda one: frameworks.llama_index_has_it(one) and not one.is_stream)
def test_llama_index_hands_on_the_same_as_plain_dicts(recording, server):
    event = frameworks.through_llama_index(recording, server, as_json=True)
    assert (used(event), cost(event)) == (recording.used, total(recording.cost))


@every(frameworks.langchain_keeps_its_usage)
def test_langchain_keeps_the_providers_own_usage(recording):
    event = frameworks.through_langchain(recording, with_own_usage=True)
    assert (used(event), cost(event)) == (recording.used, total(recording.cost))


@every(frameworks.langchain_makes_its_own)
def test_langchains_own_usage_says_the_same_as_far_as_it_goes(recording):
    event = frameworks.through_langchain(recording, with_own_usage=False)
    assert frameworks.said(recording, used(event)) == frameworks.said(recording, recording.used)
    if frameworks.metadata_price_it(recording):
        assert cost(event) == total(recording.cost)


@every(lambda one: frameworks.langchain_makes_its_own(one) and frameworks.MEDIA & one.used.keys())
def test_of_sound_and_images_that_langchain_does_not_count_apart_no_wrong_cost_is_made(recording):
    event = frameworks.through_langchain(recording, with_own_usage=False)
    assert (cost(event) is None) == (recording.api == "generateContent")


@pytest.fixture(scope="module")
def events(server):
    """One event of each answer, and of each as the line of a batch, at the time that they are priced at."""
    found = [replayed(one, way, server) for one in ALL for way in ("live", "stream", "batch") if WAYS[way].applies(one)]
    return [
        default().priced(msgspec.structs.replace(event, id=uuid7(), occurred_at=AT, response_id=None, unpriced=None))
        for event in found
    ]


def test_explain_says_the_same_of_the_journal_and_of_what_is_sealed(events, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "in_force", config.resolve(home=tmp_path))
    journal = Journal(tmp_path, sends=lambda: False)
    for event in events:
        journal.append(encode(event))
    journal.close()
    before = {event.id: explain(event.id) for event in events}
    assert compact(tmp_path, to_sealed, min_bytes=0, min_segments=0).rows == len(events)
    for event in events:
        view = explain(event.id)
        assert view == before[event.id]
        assert view.cost_usd == event.cost_usd
        assert isinstance(view.answer, Unpriced) or sum(line.amount for line in view.lines) == event.cost_usd
        assert view.remarks == event.warnings


def test_pricing_what_is_sealed_again_changes_nothing(events):
    again = repriced(to_sealed(events), default())
    assert again.filter("is_changed").select("provider", "model", "cost_pico", "recorded_cost_pico").rows() == []
    assert again["cost_pico"].dtype == pl.Int64
