import asyncio
import re
import types

import anthropic
import boto3
import cohere
import groq
import openai
import pytest
from aiobotocore.session import get_session
from google import genai
from langchain_core.language_models import FakeListChatModel

import tokenbudget as tb
from tokenbudget.core.errors import UnsupportedClientError


def aws():
    return boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused", region_name="eu-central-1")


async def client():
    return None


def of_a_package(name, **members):
    return type(name, (), {"__module__": "company.llm", **members})()


COMPLETIONS = types.SimpleNamespace(completions=types.SimpleNamespace(create=print))
GPT, CLAUDE = openai.OpenAI(api_key="unused"), anthropic.AsyncAnthropic(api_key="unused")
LANGCHAIN = "callbacks=[TokenBudgetCallbackHandler()] of tokenbudget.integrations.langchain"
BEDROCK = 'tb.wrap(boto3.client("bedrock-runtime"))'
CASES = [
    (openai.OpenAI, "the class openai.OpenAI: make a client of it, tb.wrap(OpenAI())"),
    (anthropic.AsyncAnthropicBedrock, "AsyncAnthropicBedrock: make a client of it, tb.wrap(AsyncAnthropicBedrock())"),
    (genai.Client, "the class google.genai.client.Client: make a client of it, tb.wrap(Client())"),
    (int, "the class builtins.int: it takes a client, and no class"),
    (openai, "the module openai: wrap a client, tb.wrap(OpenAI()), or measure every client with tb.patch()"),
    (genai, "the module google.genai: wrap a client, tb.wrap(genai.Client()), or"),
    (boto3, f"the module boto3: wrap a client, {BEDROCK}, or"),
    (types.ModuleType("litellm.utils"), "the module litellm.utils: wrap a client, tb.wrap(litellm), or"),
    (re, "the module re: it takes a client, and of modules litellm only"),
    (GPT.chat, "openai.resources.chat.chat.Chat: wrap the client itself, tb.wrap(OpenAI())"),
    (GPT.chat.completions, "Completions: wrap the client itself, tb.wrap(OpenAI())"),
    (GPT.chat.completions.create, "the function Completions.create: wrap the client itself, tb.wrap(OpenAI())"),
    (GPT.with_raw_response, "OpenAIWithRawResponse: wrap the client itself, tb.wrap(OpenAI())"),
    (CLAUDE.messages, "AsyncMessages: wrap the client itself, tb.wrap(AsyncAnthropic())"),
    (groq.Groq(api_key="unused").chat, "Chat: wrap the client itself, tb.wrap(Groq())"),
    (genai.Client(api_key="unused").models, "Models: wrap the client itself, tb.wrap(genai.Client())"),
    (cohere.ClientV2(api_key="unused").models, "ModelsClient: wrap the client itself, tb.wrap(ClientV2())"),
    (aws(), f"boto3.session.Session: wrap the client itself, {BEDROCK}"),
    (aws().client("s3"), f"botocore.client.S3: of AWS's clients bedrock-runtime calls models, {BEDROCK}"),
    (get_session(), "AioSession: wrap the client itself, tb.wrap(client) inside async with session.create_client("),
    (FakeListChatModel(responses=[]), f"recorded by its handler, {LANGCHAIN}"),
    (of_a_package("Gateway", chat=COMPLETIONS), "company.llm.Gateway: wrap the client inside it or, where its server"),
    (of_a_package("OpenAIClient"), "company.llm.OpenAIClient: it is called like openai.OpenAI, but is another class"),
    (of_a_package("MistralGateway"), "it is called like mistralai.client.Mistral, but is another class"),
    (print, "the function print: wrap the client that it calls"),
    (None, "builtins.NoneType: it takes clients such as anthropic.Anthropic, google.genai.Client, openai.OpenAI."),
]


@pytest.mark.parametrize(("thing", "said"), CASES, ids=[said[:40] for _, said in CASES])
def test_what_was_meant_is_said_first(thing, said):
    with pytest.raises(UnsupportedClientError, match=re.escape(said)) as raised:
        tb.wrap(thing)
    text = str(raised.value)
    assert text.startswith("tb.wrap got ")
    assert "docs/reference/providers.md" in text
    assert "tb.record(" in text
    assert len(text) < 400


def test_a_coroutine_is_to_be_awaited():
    waiting = client()
    with pytest.raises(UnsupportedClientError, match=r"coroutine: await it first"):
        tb.wrap(waiting)
    assert asyncio.run(waiting) is None
