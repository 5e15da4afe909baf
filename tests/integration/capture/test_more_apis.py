"""What providers bill beside chats: embeddings, reranking, pages, and each family of models invoked on Bedrock."""

import asyncio
import json
from decimal import Decimal

import aiobotocore.session
import pytest

import tokenbudget as tb
from tests.integration.capture import provider_bodies as bodies
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.bodies import RESPONSE, sse
from tests.integration.capture.local_server import running
from tests.integration.capture.test_sdks import read
from tokenbudget.capture.providers.bedrock.usage import model_id
from tokenbudget.capture.usage.token_estimate import prompt_tokens

pytestmark = test_sdks.pytestmark


@pytest.fixture
def server():
    with running() as local:
        yield local


@pytest.mark.parametrize(("body", "fields"), bodies.INVOKED.values(), ids=bodies.INVOKED)
def test_each_family_states_its_usage_in_its_own_way(server, events, body, fields):
    server.answer(body, **bodies.COUNTS)
    tb.wrap(sdks.bedrock(server.url)).invoke_model(modelId="a.model-v1:0", body="{}")["body"].read()
    assert read(events[0]) == fields


def test_a_body_nobody_reads_is_counted_by_its_headers(server, events):
    server.answer(bodies.CLAUDE_ON_BEDROCK, **bodies.COUNTS)
    tb.wrap(sdks.bedrock(server.url)).invoke_model(modelId=sdks.CLAUDE, body="{}")
    assert (events[0].usage.input_tokens, events[0].usage.output_tokens) == (12, 7)


def test_bodies_may_be_read_in_pieces(server, events):
    server.answer(bodies.CLAUDE_ON_BEDROCK)
    body = tb.wrap(sdks.bedrock(server.url)).invoke_model(modelId=sdks.CLAUDE, body="{}")["body"]
    assert json.loads(b"".join(body.iter_chunks(7))) == bodies.CLAUDE_ON_BEDROCK
    assert read(events[0]) == bodies.CLAUDE_FIELDS


def test_bedrock_asynchronously(server, events):
    async def calls():
        options = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused", "region_name": "eu-central-1"}
        session = aiobotocore.session.get_session()
        async with session.create_client("bedrock-runtime", endpoint_url=server.url, **options) as client:
            tb.wrap(client)
            server.answer(bodies.CONVERSE)
            await client.converse(modelId=sdks.CLAUDE, messages=sdks.TALK)
            server.answer(bodies.CONVERSE_STREAM)
            async for _ in (await client.converse_stream(modelId=sdks.CLAUDE, messages=sdks.TALK))["stream"]:
                pass
            server.answer(bodies.CLAUDE_ON_BEDROCK)
            await (await client.invoke_model(modelId=sdks.CLAUDE, body="{}"))["body"].read()

    asyncio.run(calls())
    assert [read(event) for event in events] == [sdks.CONVERSE["fields"]] * 2 + [bodies.CLAUDE_FIELDS]


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-micro-v1:0", "eu.amazon.nova-micro-v1:0"),
        ("arn:aws:bedrock:eu-west-1:1:provisioned-model/x", "arn:aws:bedrock:eu-west-1:1:provisioned-model/x"),
    ],
)
def test_the_model_behind_an_arn(asked, model):
    assert model_id(asked) == model


def test_embeddings_and_ranks(server, events):
    cohere, gemini = (tb.wrap(connect(server.url)) for connect in (sdks.cohere, sdks.gemini))
    server.answer(bodies.COHERE_EMBEDDING)
    cohere.embed(model="embed-v4.0", texts=["hi"], input_type="classification", embedding_types=["float"])
    server.answer(bodies.RERANKED)
    cohere.rerank(model="rerank-v3.5", query="hi", documents=["a"])
    server.answer(bodies.GEMINI_EMBEDDING)
    gemini.models.embed_content(model="gemini-embedding-001", contents="hi")
    embedded, ranked, also_embedded = events
    assert (embedded.operation, embedded.usage.input_tokens, embedded.usage.output_tokens) == ("embeddings", 3, 0)
    assert (ranked.operation, ranked.usage.units) == ("rerank", {"search_units": Decimal(2)})
    assert (also_embedded.usage.input_tokens, also_embedded.usage.output_tokens) == (7, 0)


@pytest.mark.skipif(not hasattr(sdks.mistral("http://127.0.0.1"), "ocr"), reason="this mistralai reads no pages")
def test_pages(server, events):
    server.answer(bodies.MISTRAL_OCR)
    mistral = tb.wrap(sdks.mistral(server.url))
    mistral.ocr.process(
        model="mistral-ocr-latest", document={"type": "document_url", "document_url": "https://e.org/a"}
    )
    assert (events[0].operation, events[0].usage.units) == ("ocr", {"pages": Decimal(3)})


@pytest.mark.skipif(
    not hasattr(sdks.mistral("http://127.0.0.1"), "responses"), reason="this mistralai makes no responses"
)
def test_responses_of_mistral(server, events):
    mistral = tb.wrap(sdks.mistral(server.url))
    ask = {"model": "mistral-large-latest", "input": "hi"}
    answer = RESPONSE | {"model": "mistral-large-latest", "tools": [], "tool_choice": "auto", "output": []}
    answer |= {"parallel_tool_calls": True}
    server.answer(answer)
    mistral.responses.create(**ask)
    asyncio.run(mistral.responses.create_async(**ask))
    kinds = ("response.created", "response.completed")
    server.answer(sse(*((kind, {"type": kind, "sequence_number": 0, "response": answer}) for kind in kinds)))
    assert len(list(mistral.responses.create(**ask, stream=True))) == len(kinds)
    assert [(e.operation, e.provider, e.status) for e in events] == [("responses", "mistral", "ok")] * 3
    assert [(e.usage.input_tokens, e.usage.output_tokens) for e in events] == [(300, 40)] * 3
    assert all(event.cost_usd is not None for event in events)


@pytest.mark.parametrize(
    "part",
    [{"inlineData": {"data": "AAAA"}}, {"image": {"source": {"bytes": b"AAAA"}}}, {"fileData": {"fileUri": "u"}}],
)
def test_prompts_with_pictures_are_not_estimated_from_their_letters(part):
    assert prompt_tokens({"contents": [{"parts": [{"text": "what is this?"}, part]}]}) is None
