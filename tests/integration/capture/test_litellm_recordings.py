"""Every recorded answer through LiteLLM is the same tokens and the same cost, as far as LiteLLM hands them on."""

import os

import pytest

import tokenbudget as tb
from tests.integration.capture import test_litellm
from tests.integration.capture.local_server import running
from tests.recordings.corpus import cost, recordings, total, used
from tests.recordings.through_litellm import litellm_has_it, litellm_says_the_price, said, through_litellm
from tests.recordings.written import WRITTEN

pytestmark = test_litellm.pytestmark
ALL = [one for one in (*recordings(), *WRITTEN) if litellm_has_it(one)]


@pytest.fixture(scope="module")
def litellm():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    return tb.wrap(litellm)


@pytest.fixture(scope="module")
def server():
    with running() as local:
        yield local


def test_most_answers_have_their_price():
    assert len(ALL) > 70
    assert sum(map(litellm_says_the_price, ALL)) > 0.9 * len(ALL)


@pytest.mark.parametrize("recording", ALL, ids=lambda one: one.id)
def test_litellm_hands_on_the_same(recording, litellm, server):
    event = through_litellm(litellm, recording, server)
    assert said(recording, used(event)) == said(recording, recording.used)
    if litellm_says_the_price(recording):
        assert cost(event) == total(recording.cost)
    assert (event.provider, event.warnings) == (recording.provider, ())


@pytest.mark.parametrize("recording", [one for one in ALL if one.names_a_tier], ids=lambda one: one.id)
def test_gemini_is_taken_to_serve_the_tier_that_it_was_asked_for(recording, litellm, server):
    flex = through_litellm(litellm, recording, server, service_tier="flex")
    standard = through_litellm(litellm, recording, server)
    assert (flex.service_tier, standard.service_tier) == ("flex", None)
    assert flex.cost_usd < standard.cost_usd


@pytest.mark.parametrize("recording", [one for one in ALL if one.provider == "cohere"], ids=lambda one: one.id)
def test_cohere_has_no_cost_where_its_billed_units_are_left_out(recording, litellm, server):
    event = through_litellm(litellm, recording, server)
    assert (event.cost_usd, event.unpriced) == (None, "no_unit_price: billed_units")
