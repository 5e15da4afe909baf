"""Calls that are billed and not measured: counted, said once, and in no figure."""

import logging
import warnings
from operator import attrgetter

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.local_server import running
from tokenbudget.capture import registry
from tokenbudget.diagnostics import unmeasured

pytestmark = test_sdks.pytestmark


@pytest.fixture(autouse=True)
def counts():
    unmeasured.reset()
    yield unmeasured.counts
    unmeasured.reset()


@pytest.fixture
def training(connect):
    """Return a wrapped client, and what it starts a training with."""
    client, _ = connect(openai.OpenAI, {"id": "ftjob-1", "object": "fine_tuning.job"})
    return lambda: client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file="file-1")


def test_it_is_counted_and_said_once(training, events, counts, caplog):
    training()
    training()
    assert counts == {"openai fine_tuning.jobs.create": 2}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("tokenbudget", logging.WARNING)
    assert "does not measure openai fine_tuning.jobs.create: training is billed" in record.message
    assert events == []
    assert "not measured openai fine_tuning.jobs.create, 2 calls" in str(tb.status())


def test_it_is_a_warning_where_nobody_listens_to_the_log(training, monkeypatch):
    nobody = logging.getLogger("nobody listens")
    nobody.propagate = False
    monkeypatch.setattr(unmeasured, "log", nobody)
    with pytest.warns(unmeasured.NotMeasuredWarning, match=r"fine_tuning\.jobs\.create"):
        training()
    unmeasured.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert training().id == "ftjob-1"


def test_only_wrapped_clients_are_counted(connect, counts):
    client, _ = connect(openai.OpenAI, {"id": "ftjob-1", "object": "fine_tuning.job"}, wrap=False)
    client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file="file-1")
    assert not counts


def test_a_path_with_an_id_is_told_from_one_that_ends_alike(connect, events, counts):
    client, _ = connect(openai.OpenAI, {"id": "evalrun_1", "object": "eval.run"})
    if not hasattr(client, "evals"):
        pytest.skip("this openai has no evals")
    source = {"type": "jsonl", "source": {"type": "file_id", "id": "file-1"}}
    client.evals.runs.create("eval_1", data_source=source)
    client.evals.runs.cancel("evalrun_1", eval_id="eval_1")
    assert counts == {"openai evals.runs.create": 1}
    assert events == []


def managed(client):
    return client.beta.sessions.create(agent="agent_1", environment_id="env_1")


@pytest.mark.skipif(
    not hasattr(anthropic.Anthropic(api_key="x").beta, "sessions"), reason="this anthropic has no agents"
)
def test_anthropics_agents(connect, events, counts):
    client, _ = connect(anthropic.Anthropic, {"id": "session_1", "type": "session"})
    managed(client)
    assert counts == {"anthropic beta.sessions.create": 1}
    assert events == []


OTHERS = {
    "google.genai caches.create": (
        sdks.gemini,
        lambda client: client.caches.create(model="gemini-2.5-flash", config={"display_name": "x"}),
    ),
    "mistralai classifiers.moderate": (
        sdks.mistral,
        lambda client: client.classifiers.moderate(model="mistral-moderation-latest", inputs=["x"]),
    ),
    "cohere embed_jobs.create": (
        sdks.cohere,
        lambda client: client.embed_jobs.create(model="embed-v4.0", dataset_id="d", input_type="search_document"),
    ),
    "botocore apply_guardrail": (
        sdks.bedrock,
        lambda client: client.apply_guardrail(
            guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "x"}}]
        ),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_sdks(events, counts, name):
    connect, ask = OTHERS[name]
    with running() as server:
        server.answer({"id": "x", "name": "x", "job_id": "x", "model": "m", "results": [], "meta": {}})
        ask(tb.wrap(connect(server.url)))
    assert counts == {name: 1}
    assert events == []


def is_newest():
    return hasattr(openai.OpenAI, "live")


@pytest.mark.skipif(not is_newest(), reason="calls are named as the newest versions have them")
@pytest.mark.parametrize(
    ("package", "client"),
    [
        ("openai", lambda: openai.OpenAI(api_key="x")),
        ("anthropic", lambda: anthropic.Anthropic(api_key="x")),
        ("google.genai", lambda: sdks.gemini("http://127.0.0.1:1")),
        ("mistralai.client", lambda: sdks.mistral("http://127.0.0.1:1")),
        ("cohere", lambda: sdks.cohere("http://127.0.0.1:1")),
    ],
)
def test_what_is_said_not_to_be_measured_is_there(package, client):
    older = {"fine_tuning.jobs.create"} if package == "mistralai.client" else set()
    named = {what.call for what in registry.sdk(package).unmeasured} - older
    made = client()
    for call in named:
        assert callable(attrgetter(call.partition(" ")[0])(made)), call
