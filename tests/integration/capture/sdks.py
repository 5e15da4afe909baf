"""How to make each SDK's client and its plain, streamed, asynchronous calls, in one shape for all."""

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from tests.integration.capture import provider_bodies as bodies
from tests.integration.capture.bodies import CHAT

HI = [{"role": "user", "content": "hi"}]
TALK = [{"role": "user", "content": [{"text": "hi"}]}]
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def _is(package, oldest):
    """Return whether a package is installed in this version or a newer one."""
    return _number(version(package)) >= _number(oldest)


def _number(text):
    return [int(part) for part in text.split(".")[:2]]


@dataclass
class Sdk:
    """One API of one SDK.

    Calls take a client; streamed ones give what the caller goes through.  ``fields`` are those of the event's usage,
    ``event`` other fields of the event.
    """

    name: str
    connect: Any
    ask: Any
    answer: dict
    fields: dict
    event: dict
    stream: Any = None
    parts: list = field(default_factory=list)
    aconnect: Any = None
    aask: Any = None
    astream: Any = None
    refusal: str = ""
    paid_part: int = 3
    """Parts of the stream read before it is left."""


def gemini(url, **options):
    from google import genai

    return genai.Client(api_key="unused", http_options={"base_url": url}, **options)


def vertex(url, location="europe-west4"):
    from google import genai
    from google.oauth2.credentials import Credentials

    return genai.Client(
        vertexai=True,
        project="demo",
        location=location,
        credentials=Credentials(token="unused"),
        http_options={"base_url": url},
    )


def mistral(url):
    try:
        from mistralai.client import Mistral
    except ImportError:  # the first version
        from mistralai import Mistral

    return Mistral(api_key="unused", server_url=url)


def cohere(url):
    import cohere as sdk

    return sdk.ClientV2(api_key="unused", base_url=url)


def acohere(url):
    import cohere as sdk

    return sdk.AsyncClientV2(api_key="unused", base_url=url)


def groq(url):
    import groq as sdk

    return sdk.Groq(api_key="unused", base_url=url, max_retries=0)


def agroq(url):
    import groq as sdk

    return sdk.AsyncGroq(api_key="unused", base_url=url, max_retries=0)


def bedrock(url, region="eu-central-1"):
    import boto3
    from botocore.config import Config

    session = boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused", region_name=region)
    return session.client("bedrock-runtime", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


def _converse_stream(client):
    return client.converse_stream(modelId=CLAUDE, messages=TALK)["stream"]


def _invoke(client):
    return json.loads(client.invoke_model(modelId=CLAUDE, body=json.dumps({"messages": HI}))["body"].read())


def _invoke_stream(client):
    return client.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps({"messages": HI}))["body"]


FLASH = {"model": "gemini-3-flash-preview", "contents": "hi"}
SMALL = {"model": "mistral-small-latest", "messages": HI}
COMMAND = {"model": "command-a-03-2025", "messages": HI}
MINI = {"model": "gpt-4o-mini", "messages": HI}

_GEMINI = {
    "ask": lambda c: c.models.generate_content(**FLASH),
    "stream": lambda c: c.models.generate_content_stream(**FLASH),
    "aask": lambda c: c.aio.models.generate_content(**FLASH),
    "astream": lambda c: c.aio.models.generate_content_stream(**FLASH),
    "parts": bodies.GEMINI_STREAM,
    "fields": bodies.GEMINI_FIELDS,
    "paid_part": 1,
}
_GEMINI_EVENT = {"model": "gemini-3-flash-preview", "requested_model": "gemini-3-flash-preview", "operation": "chat"}
CONVERSE = {
    "fields": bodies.CONVERSE_FIELDS,
    "event": {"provider": "bedrock", "model": CLAUDE, "region": "eu-central-1"},
}
if _is("botocore", "1.42"):
    CONVERSE["event"]["service_tier"] = "flex"
else:  # Its answers lack what its requests cannot ask for: tiers, and lifetimes.
    CONVERSE["fields"] = bodies.CONVERSE_FIELDS | {"cache_write_5m_tokens": 300}
    del CONVERSE["fields"]["cache_write_1h_tokens"]
SDKS = [
    Sdk(
        name="google.genai",
        connect=gemini,
        aconnect=gemini,
        answer=bodies.GEMINI,
        event={"provider": "google", "service_tier": "flex", "response_id": "gemini-1", **_GEMINI_EVENT},
        refusal="ClientError",
        **_GEMINI,
    ),
    Sdk(
        name="google.genai on Vertex",
        connect=vertex,
        answer=bodies.VERTEX,
        event={"provider": "vertex", "region": "europe-west4", **_GEMINI_EVENT},
        refusal="ClientError",
        **{name: value for name, value in _GEMINI.items() if name not in {"aask", "astream"}},
    ),
    Sdk(
        name="botocore converse",
        connect=bedrock,
        ask=lambda c: c.converse(modelId=CLAUDE, messages=TALK),
        stream=_converse_stream,
        answer=bodies.CONVERSE,
        parts=bodies.CONVERSE_STREAM,
        **CONVERSE,
        refusal="ClientError",
    ),
    Sdk(
        name="botocore invoke",
        connect=bedrock,
        ask=_invoke,
        stream=_invoke_stream,
        answer=bodies.CLAUDE_ON_BEDROCK,
        parts=bodies.CLAUDE_STREAM_ON_BEDROCK,
        fields=bodies.CLAUDE_FIELDS,
        event={"provider": "bedrock", "model": CLAUDE, "operation": "invoke", "response_id": "msg_1"},
        refusal="ClientError",
    ),
    Sdk(
        name="mistralai",
        connect=mistral,
        aconnect=mistral,
        ask=lambda c: c.chat.complete(**SMALL),
        stream=lambda c: c.chat.stream(**SMALL),
        aask=lambda c: c.chat.complete_async(**SMALL),
        astream=lambda c: c.chat.stream_async(**SMALL),
        answer=bodies.MISTRAL,
        parts=bodies.MISTRAL_STREAM,
        fields=bodies.MISTRAL_FIELDS,
        event={"provider": "mistral", "model": "mistral-small-latest", "response_id": "mistral-1"},
        refusal="HTTP 400",
        paid_part=1,
    ),
    Sdk(
        name="cohere",
        connect=cohere,
        aconnect=acohere,
        ask=lambda c: c.chat(**COMMAND),
        stream=lambda c: c.chat_stream(**COMMAND),
        aask=lambda c: c.chat(**COMMAND),
        astream=lambda c: c.chat_stream(**COMMAND),
        answer=bodies.COHERE,
        parts=bodies.COHERE_STREAM,
        fields=bodies.COHERE_FIELDS,
        event={"provider": "cohere", "model": "command-a-03-2025", "response_id": "cohere-1"},
        refusal="HTTP 400",
    ),
    Sdk(
        name="groq",
        connect=groq,
        aconnect=agroq,
        ask=lambda c: c.chat.completions.create(**MINI),
        stream=lambda c: c.chat.completions.create(**MINI, stream=True),
        aask=lambda c: c.chat.completions.create(**MINI),
        astream=lambda c: c.chat.completions.create(**MINI, stream=True),
        answer=CHAT,
        parts=bodies.GROQ_STREAM,
        fields={
            "input_tokens": 1000,
            "output_tokens": 200,
            "cache_read_tokens": 400,
            "reasoning_tokens": 50,
            "rejected_prediction_tokens": 7,
        },
        event={"provider": "groq", "response_id": "chatcmpl-1"},
        refusal="BadRequestError",
    ),
]
if _is("google-genai", "1.55"):
    SDKS.append(
        Sdk(
            name="google.genai interactions",
            connect=gemini,
            aconnect=gemini,
            ask=lambda c: c.interactions.create(model="gemini-3-flash-preview", input="hi"),
            stream=lambda c: c.interactions.create(model="gemini-3-flash-preview", input="hi", stream=True),
            aask=lambda c: c.aio.interactions.create(model="gemini-3-flash-preview", input="hi"),
            astream=lambda c: c.aio.interactions.create(model="gemini-3-flash-preview", input="hi", stream=True),
            answer=bodies.INTERACTION,
            parts=bodies.INTERACTION_STREAM,
            fields=bodies.INTERACTION_FIELDS,
            event={"provider": "google", "operation": "interactions", "response_id": "interaction-1"},
            refusal="HTTP 400",
        )
    )
