"""Retries inside a client are one event with the number of attempts, whichever client it is."""

import asyncio
import inspect
from dataclasses import dataclass
from typing import Any

import pytest

import tokenbudget as tb
from tests.integration.capture import provider_bodies as bodies
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.local_server import Answer, running

pytestmark = test_sdks.pytestmark
BUSY = Answer({"message": "busy", "error": {"message": "busy", "code": 503}}, 503, {"retry-after-ms": "1"})
RETRY = {"request_options": {"max_retries": 2}}  # which cohere's first version does not do unasked


@dataclass
class Retrying:
    connect: Any
    ask: Any
    answer: Any
    attempts: int


def gemini(url):
    from google import genai

    retry = {"attempts": 3, "initial_delay": 0.01, "max_delay": 0.02}
    return genai.Client(api_key="unused", http_options={"base_url": url, "retry_options": retry})


def mistral(url):
    try:
        from mistralai.client import utils
    except ImportError:
        from mistralai import utils

    client = sdks.mistral(url)
    # Milliseconds: after the last of them it gives up, which must not be before a slow machine has tried again.
    backoff = utils.BackoffStrategy(1, 2, 1.1, 500)
    client.sdk_configuration.retry_config = utils.RetryConfig("backoff", backoff, retry_connection_errors=True)
    return client


def bedrock(url):
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused", "region_name": "eu-central-1"}
    config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
    return boto3.Session(**keys).client("bedrock-runtime", endpoint_url=url, config=config)


CASES = {
    "mistral": Retrying(mistral, lambda c: c.chat.complete(**sdks.SMALL), bodies.MISTRAL, 2),
    "mistral async": Retrying(mistral, lambda c: c.chat.complete_async(**sdks.SMALL), bodies.MISTRAL, 2),
    "cohere": Retrying(sdks.cohere, lambda c: c.chat(**sdks.COMMAND, **RETRY), bodies.COHERE, 3),
    "cohere async": Retrying(sdks.acohere, lambda c: c.chat(**sdks.COMMAND, **RETRY), bodies.COHERE, 3),
    "converse": Retrying(bedrock, lambda c: c.converse(modelId=sdks.CLAUDE, messages=sdks.TALK), bodies.CONVERSE, 2),
    "invoke": Retrying(bedrock, sdks._invoke, bodies.CLAUDE_ON_BEDROCK, 2),
}
if sdks._is("google-genai", "1.20"):
    CASES |= {
        "google": Retrying(gemini, sdks._GEMINI["ask"], bodies.GEMINI, 3),
        "google async": Retrying(gemini, sdks._GEMINI["aask"], bodies.GEMINI, 3),
        "google stream": Retrying(gemini, lambda c: list(sdks._GEMINI["stream"](c)), bodies.GEMINI_STREAM, 3),
    }
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def server():
    with running() as local:
        yield local


def ask(case, server):
    async def asking():
        client = tb.wrap(case.connect(server.url))
        asked = case.ask(client)
        return await asked if inspect.isawaitable(asked) else asked

    asyncio.run(asking())


@every
def test_a_retry_that_succeeds(case, server, events):
    server.answers = [BUSY, Answer(case.answer)]
    ask(case, server)
    assert len(server.requests) == 2
    assert [(e.status, e.attempts, e.usage.input_tokens is None) for e in events] == [("ok", 2, False)]


@every
def test_retries_that_fail_in_the_end(case, server, events):
    server.answers = [BUSY]
    with pytest.raises(Exception):  # noqa: B017, PT011 (each SDK has its own, and keeps it)
        ask(case, server)
    assert [(e.status, e.attempts) for e in events] == [("error", len(server.requests))]
    assert len(server.requests) >= case.attempts


@every
def test_calls_after_one_another_are_counted_apart(case, server, events):
    server.answers = [Answer(case.answer)]
    ask(case, server)
    ask(case, server)
    assert [e.attempts for e in events] == [1, 1]
