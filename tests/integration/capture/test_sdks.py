"""Every SDK beside OpenAI's and Anthropic's, against a server on this machine: each behaves as the others do."""

import asyncio
import contextlib
import gc
import inspect

import pytest

import tokenbudget as tb
from tests.integration.capture.local_server import running
from tests.integration.capture.sdks import SDKS
from tokenbudget.capture import registry
from tokenbudget.core.usage import Usage

# How the SDKs leave their sockets is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning"),  # of google-genai: a value newer than itself
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <(socket|ssl|_Selector|generator):pytest.PytestUnraisableExceptionWarning"
    ),
]
every = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
every_async = pytest.mark.parametrize("sdk", [sdk for sdk in SDKS if sdk.aconnect], ids=lambda sdk: sdk.name)


@pytest.fixture
def server():
    with running() as local:
        yield local


@pytest.fixture(autouse=True)
def nothing_left_over():
    gc.collect()  # streams that an earlier test dropped are not this test's events
    yield
    tb.unpatch()


async def _awaited(value):
    return await value if inspect.isawaitable(value) else value


def read(event):
    """What an event's usage has, without what it has not."""
    usage = {name: getattr(event.usage, name) for name in Usage.__struct_fields__}
    return {name: value for name, value in usage.items() if value or name in {"input_tokens", "output_tokens"}}


def shows(event, sdk):
    assert read(event) == sdk.fields
    assert {name: getattr(event, name) for name in sdk.event} == sdk.event
    assert (event.status, event.measured, event.warnings) == ("ok", "exact", ())


@every
def test_an_answer_is_recorded(sdk, server, events):
    server.answer(sdk.answer)
    sdk.ask(tb.wrap(sdk.connect(server.url)))
    (event,) = events
    shows(event, sdk)


@every
def test_a_stream_is_recorded_at_its_end(sdk, server, events):
    server.answer(sdk.parts)
    client = tb.wrap(sdk.connect(server.url))
    items = list(sdk.stream(client))
    (event,) = events
    shows(event, sdk)
    assert items
    assert 0 < event.time_to_first_token_ms < event.latency_ms


@every_async
def test_asynchronous_calls_are_recorded_alike(sdk, server, events):
    async def calls():
        client = tb.wrap(sdk.aconnect(server.url))
        server.answer(sdk.answer)
        await sdk.aask(client)
        server.answer(sdk.parts)
        async for _ in await _awaited(sdk.astream(client)):
            pass

    asyncio.run(calls())
    assert len(events) == 2
    for event in events:
        shows(event, sdk)


@every
def test_the_caller_sees_what_it_would_have_seen(sdk, server, events):
    bare, wrapped = sdk.connect(server.url), tb.wrap(sdk.connect(server.url))
    for body, ask in ((sdk.answer, sdk.ask), (sdk.parts, lambda client: list(sdk.stream(client)))):
        server.answer(body)
        assert _plain(ask(wrapped)) == _plain(ask(bare))
    assert type(sdk.stream(wrapped)) is type(sdk.stream(bare))
    assert server.requests[0] == server.requests[1]


def _plain(answer):
    """Without what differs from request to request."""
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items() if name != "ResponseMetadata"}
    return [_plain(item) for item in answer] if isinstance(answer, list) else str(type(answer)) + _text(answer)


def _text(answer):
    if not hasattr(answer, "model_dump"):
        return repr(answer)
    return repr(answer.model_dump(exclude={"sdk_http_response"}))


@every
def test_a_stream_left_early_is_recorded_as_aborted(sdk, server, events):
    server.answer(sdk.parts)
    begin_and_leave(sdk, tb.wrap(sdk.connect(server.url)))
    gc.collect()
    tb.flush(timeout=0)
    (event,) = events
    assert (event.status, event.measured) == ("aborted", "estimated")
    assert event.usage.output_tokens >= 2  # "Hello "
    assert event.usage.output_tokens < sdk.fields["output_tokens"]


def begin_and_leave(sdk, client):
    """Close a stream as its SDK lets one, and drop it."""
    stream = sdk.stream(client)
    for seen, _ in enumerate(stream, 1):
        if seen == sdk.paid_part:
            break
    with contextlib.suppress(RuntimeError):  # the first version of cohere's is deaf to it
        getattr(stream, "close", lambda: stream.__exit__(None, None, None))()


@every_async
def test_a_cancelled_task_leaves_its_stream_recorded(sdk, server, events):
    async def leave():
        client = tb.wrap(sdk.aconnect(server.url))
        stream = await _awaited(sdk.astream(client))
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == sdk.paid_part:
                raise asyncio.CancelledError

    async def main():
        await asyncio.gather(leave(), return_exceptions=True)
        gc.collect()
        await asyncio.sleep(0.01)

    server.answer(sdk.parts)
    asyncio.run(main())
    gc.collect()
    tb.flush(timeout=0)
    (event,) = events
    assert event.status == "aborted"


@every
def test_a_refused_call_is_recorded_and_not_charged(sdk, server, events):
    server.answer({"error": {"message": "no", "code": 400}, "message": "no"}, status=400)
    with pytest.raises(Exception):  # noqa: B017, PT011 (each SDK has its own, and keeps it)
        sdk.ask(tb.wrap(sdk.connect(server.url)))
    (event,) = events
    assert (event.status, event.error_type, event.usage, event.cost_usd) == ("error", sdk.refusal, Usage(), None)


@every
def test_only_wrapped_clients_are_observed_until_all_are(sdk, server, events):
    server.answer(sdk.answer)
    bare = sdk.connect(server.url)
    tb.wrap(sdk.connect(server.url))
    sdk.ask(bare)
    assert events == []
    tb.patch()
    sdk.ask(bare)
    sdk.ask(tb.wrap(tb.wrap(bare)))
    assert len(events) == 2


@every
def test_a_named_provider_is_taken(sdk, server, events):
    server.answer(sdk.answer)
    sdk.ask(tb.wrap(sdk.connect(server.url), provider="gateway"))
    assert events[0].provider == "gateway"


def test_what_is_documented_is_what_is_read(server, events):
    documented = set()
    for package in ("google.genai", "mistralai", "cohere", "groq", "botocore"):
        for api in registry.sdk(package).apis:
            documented |= set(api.read.places) | set(api.adds)
    assert {name for sdk in SDKS for name in sdk.fields} <= documented
