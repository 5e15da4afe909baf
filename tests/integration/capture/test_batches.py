"""Results of batches, wherever a client hands them out: an event each, however often they are read."""

import asyncio
import json
from io import BytesIO
from pathlib import Path

import pytest

import tokenbudget as tb
from tests.integration.capture import provider_bodies as bodies
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.bodies import CHAT
from tests.integration.capture.local_server import running
from tokenbudget.capture import seen_ids

pytestmark = test_sdks.pytestmark


@pytest.fixture
def server():
    with running() as local:
        yield local


@pytest.fixture(autouse=True)
def nothing_remembered():
    seen_ids.forget()


def lines(answer, name="id"):
    """Two results and a failed request, as OpenAI's batches and those made after them have them."""
    done = [
        {"id": f"r{n}", "custom_id": str(n), "response": {"status_code": 200, "body": answer | {name: f"answer-{n}"}}}
        for n in range(2)
    ]
    return [*done, {"id": "r2", "custom_id": "2", "response": {"status_code": 400, "body": {}}, "error": {"code": "x"}}]


def jsonl(lines):
    return "\n".join(map(json.dumps, lines)).encode()


def serve(server, content):
    server.answer([content], **{"content-type": "application/octet-stream"})


def shows(events, provider, tokens):
    assert [(e.provider, e.response_id, e.batch, e.latency_ms) for e in events] == [
        (provider, f"answer-{n}", True, None) for n in range(2)
    ]
    assert {(e.usage.input_tokens, e.usage.output_tokens) for e in events} == {tokens}


def test_a_file_of_groq(server, events):
    serve(server, jsonl(lines(CHAT)))
    client = tb.wrap(sdks.groq(server.url))
    for _ in range(2):
        content = client.files.content("file-1")
        assert (content if isinstance(content, str) else content.text()) == jsonl(lines(CHAT)).decode()
    shows(events, "groq", (1000, 200))


JOB = {
    "id": "job",
    "object": "batch",
    "created_at": 1_790_000_000,
    "status": "SUCCESS",
    "model": "mistral-small-latest",
    "endpoint": "/v1/chat/completions",
    "input_files": [],
    "errors": [],
} | dict.fromkeys(("total_requests", "completed_requests", "succeeded_requests", "failed_requests"), 3)


def test_a_file_of_mistral(server, events):
    body = {name: value for name, value in bodies.MISTRAL.items() if name != "created"}
    client = tb.wrap(sdks.mistral(server.url))
    server.answer(JOB | {"output_file": "file-1"})
    client.batch.jobs.get(job_id="job")
    serve(server, jsonl(lines(body)))
    for _ in range(2):
        assert client.files.download(file_id="file-1").read() == jsonl(lines(body))
    shows(events, "mistral", (bodies.MISTRAL_FIELDS["input_tokens"], bodies.MISTRAL_FIELDS["output_tokens"]))
    assert {event.occurred_at.timestamp() for event in events} == {1_790_000_000}
    again = {event.id for event in events}
    seen_ids.forget()  # another process remembers nothing, and makes the same ids
    client.files.download(file_id="file-1").read()
    assert {event.id for event in events} == again


def test_results_that_a_job_of_mistral_holds(server, events):
    server.answer(JOB | {"outputs": lines(bodies.MISTRAL)})
    client = tb.wrap(sdks.mistral(server.url))

    async def read():
        await client.batch.jobs.get_async(job_id="job")

    client.batch.jobs.get(job_id="job")
    asyncio.run(read())
    shows(events, "mistral", (bodies.MISTRAL_FIELDS["input_tokens"], bodies.MISTRAL_FIELDS["output_tokens"]))


batches_of_gemini = pytest.mark.skipif(
    not sdks._is("google-genai", "1.38"), reason="this google-genai knows no batches of the Gemini API"
)
GEMINI = {name: value for name, value in bodies.GEMINI.items() if name != "usageMetadata"} | {
    "usageMetadata": {name: value for name, value in bodies.GEMINI["usageMetadata"].items() if name != "serviceTier"}
}


@batches_of_gemini
def test_results_that_a_batch_of_gemini_holds(server, events):
    held = [{"response": GEMINI | {"responseId": f"answer-{n}"}} for n in range(2)] + [{"error": {"code": 3}}]
    made = {"createTime": "2026-11-01T10:00:00Z", "state": "BATCH_STATE_SUCCEEDED"}
    output = {"inlinedResponses": {"inlinedResponses": held}}
    server.answer({"name": "batches/b1", "metadata": made | {"output": output}})
    client = tb.wrap(sdks.gemini(server.url))

    async def read():
        await client.aio.batches.get(name="batches/b1")

    assert len(client.batches.get(name="batches/b1").dest.inlined_responses) == 3
    asyncio.run(read())
    shows(events, "google", (bodies.GEMINI_FIELDS["input_tokens"], bodies.GEMINI_FIELDS["output_tokens"]))
    assert {event.occurred_at.isoformat() for event in events} == {"2026-11-01T10:00:00+00:00"}


@batches_of_gemini
def test_a_file_of_gemini(server, events):
    found = [{"key": str(n), "response": GEMINI | {"responseId": f"answer-{n}"}} for n in range(2)]
    serve(server, jsonl([*found, {"key": "2", "error": {"code": 3}}]))
    client = tb.wrap(sdks.gemini(server.url))
    for _ in range(2):
        assert client.files.download(file="files/batch-b1").startswith(b'{"key"')
    shows(events, "google", (bodies.GEMINI_FIELDS["input_tokens"], bodies.GEMINI_FIELDS["output_tokens"]))


def files_of_gemini(server):
    found = [{"key": str(n), "response": GEMINI | {"responseId": f"answer-{n}"}} for n in range(2)]
    content = jsonl([{"key": "2", "error": {"code": 3}}, *found])
    serve(server, content)
    return tb.wrap(sdks.gemini(server.url)), content


to_places = pytest.mark.skipif(
    not sdks._is("google-genai", "3.0"), reason="this google-genai gives the content of every file back"
)


@to_places
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_of_gemini_that_goes_to_a_path(server, events, tmp_path, kind):
    client, content = files_of_gemini(server)
    place = tmp_path / "results.jsonl"

    async def download():
        await client.aio.files.download(file="files/batch-b1", destination=kind(place))

    assert client.files.download(file="files/batch-b1", destination=kind(place)) is None
    assert place.read_bytes() == content
    asyncio.run(download())
    shows(events, "google", (bodies.GEMINI_FIELDS["input_tokens"], bodies.GEMINI_FIELDS["output_tokens"]))


@to_places
def test_a_file_of_gemini_that_is_written_to_an_object(server, events):
    client, content = files_of_gemini(server)
    place, other = BytesIO(), BytesIO()

    async def download():
        await client.aio.files.download(file="files/batch-b1", destination=other)

    client.files.download(file="files/batch-b1", destination=place)
    asyncio.run(download())
    assert place.getvalue() == other.getvalue() == content
    shows(events, "google", (bodies.GEMINI_FIELDS["input_tokens"], bodies.GEMINI_FIELDS["output_tokens"]))


@to_places
def test_a_place_that_nothing_can_be_written_to_is_refused_by_the_client(server, events):
    client, _ = files_of_gemini(server)
    with pytest.raises(ValueError, match="int"):
        client.files.download(file="files/batch-b1", destination=5)


@batches_of_gemini
def test_a_list_of_batches_of_gemini_holds_their_results_too(server, events):
    batches = [
        {
            "name": f"batches/b{n}",
            "metadata": {
                "createTime": "2026-11-01T10:00:00Z",
                "state": "BATCH_STATE_SUCCEEDED",
                "output": {
                    "inlinedResponses": {"inlinedResponses": [{"response": GEMINI | {"responseId": f"answer-{n}"}}]}
                },
            },
        }
        for n in range(2)
    ]
    server.answer({"operations": batches})
    assert len(list(tb.wrap(sdks.gemini(server.url)).batches.list(config={"page_size": 5}))) == 2
    shows(events, "google", (bodies.GEMINI_FIELDS["input_tokens"], bodies.GEMINI_FIELDS["output_tokens"]))


@batches_of_gemini
def test_embeddings_that_a_batch_of_gemini_holds(server, events):
    held = [{"response": {"embedding": {"values": [0.5]}, "tokenCount": str(count)}} for count in (7, 9)]
    made = {"createTime": "2026-11-01T10:00:00Z", "state": "BATCH_STATE_SUCCEEDED"}
    made |= {"model": "models/gemini-embedding-001"}
    output = {"inlinedEmbedContentResponses": {"inlinedResponses": [*held, {"error": {"code": 3}}]}}
    server.answer({"name": "batches/b1", "metadata": made | {"output": output}})
    client = tb.wrap(sdks.gemini(server.url))
    for _ in range(2):
        client.batches.get(name="batches/b1")
    assert [(e.operation, e.model, e.usage.input_tokens, e.usage.output_tokens) for e in events] == [
        ("embeddings", "gemini-embedding-001", count, 0) for count in (7, 9)
    ]
    assert all(event.batch and event.cost_usd for event in events)


def test_other_files_of_mistral_and_gemini_are_left_alone(server, events):
    for content in (b"a,b\n1,2", b'{"messages": []}\n', b"\x89PNG\n{}"):
        serve(server, content)
        mistral = tb.wrap(sdks.mistral(server.url))
        mistral.files.download(file_id="file-1").read()
        if sdks._is("google-genai", "1.38"):
            gemini = tb.wrap(sdks.gemini(server.url))
            assert gemini.files.download(file="files/f") == content
    assert events == []


def test_batches_cost_half(server, events):
    client = tb.wrap(sdks.mistral(server.url))
    server.answer(bodies.MISTRAL | {"model": "mistral-large-latest"})
    client.chat.complete(**sdks.SMALL)
    serve(server, jsonl(lines(bodies.MISTRAL | {"model": "mistral-large-latest"})))
    client.files.download(file_id="file-1").read()
    assert events[1].cost_usd == events[0].cost_usd / 2
