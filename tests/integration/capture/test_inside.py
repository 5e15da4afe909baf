"""Calls begun inside calls: each is recorded for itself, unless an SDK makes it in order to make the one around."""

import asyncio
import contextvars
import threading

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.conftest import chat_server
from tests.integration.capture.local_server import running
from tests.integration.capture.wire import Reply, Wire, http_of

pytestmark = test_sdks.pytestmark
GUARD = "gpt-4.1-nano"


@pytest.fixture
def server():
    with running() as local:
        yield local


@pytest.fixture
def guard(connect):
    """Return a client of the kind that guards are made with, and ``ask`` and ``aask`` of it."""
    sync, _ = connect(openai.OpenAI, chat_server)
    asynchronous, _ = connect(openai.AsyncOpenAI, chat_server)
    asked = {"model": GUARD, "messages": sdks.HI}
    sync.ask = lambda *_, **__: sync.chat.completions.create(**asked) and None

    async def aask(*_, **__):
        await asynchronous.chat.completions.create(**asked)

    sync.aask = aask
    return sync


def is_both(events, *, around="gpt-4o-mini"):
    assert [event.requested_model for event in events] == [GUARD, around]
    assert [event.status for event in events] == ["ok", "ok"]


def hooked(wire, *hooks, is_async=False):
    """Return an HTTP client of openai's library that runs hooks before each request."""
    http = http_of(openai)
    transport = http.MockTransport(wire.answer if is_async else wire)
    return (http.AsyncClient if is_async else http.Client)(transport=transport, event_hooks={"request": hooks})


def ask(client, **more):
    return client.chat.completions.create(model="gpt-4o-mini", messages=sdks.HI, **more)


def test_a_guard_in_a_hook_is_a_call_of_its_own(guard, events):
    client = tb.wrap(openai.OpenAI(api_key="unused", http_client=hooked(Wire(chat_server), guard.ask)))
    ask(client)
    is_both(events)
    events.clear()
    list(ask(client, stream=True))
    is_both(events)


def test_a_guard_in_an_asynchronous_hook_is_a_call_of_its_own(guard, events):
    http = hooked(Wire(chat_server), guard.aask, is_async=True)
    asyncio.run(ask(tb.wrap(openai.AsyncOpenAI(api_key="unused", http_client=http))))
    is_both(events)


def test_a_guard_that_asks_the_client_it_guards_is_a_call_of_its_own(events):
    asked = []

    def check(request):
        if not asked:
            asked.append(request)
            client.chat.completions.create(model=GUARD, messages=sdks.HI)

    client = tb.wrap(openai.OpenAI(api_key="unused", http_client=hooked(Wire(chat_server), check)))
    ask(client)
    is_both(events)


def gemini(url, hook):
    client = sdks.gemini(url)
    client._api_client._httpx_client.event_hooks = {"request": [hook]}
    return client


def mistral(url, hook):
    import httpx

    client = sdks.mistral(url)
    client.sdk_configuration.client = httpx.Client(event_hooks={"request": [hook]})
    return client


def cohere(url, hook):
    import cohere as sdk
    import httpx

    http = httpx.Client(event_hooks={"request": [hook]})
    return sdk.ClientV2(api_key="unused", base_url=url, httpx_client=http)


def bedrock(url, hook):
    client = sdks.bedrock(url)
    client.meta.events.register("before-send.bedrock-runtime.*", hook)
    return client


OTHERS = {"google.genai": gemini, "mistralai": mistral, "cohere": cohere, "botocore converse": bedrock}


@pytest.mark.parametrize("sdk", [one for one in sdks.SDKS if one.name in OTHERS], ids=lambda one: one.name)
@pytest.mark.parametrize("way", ["ask", "stream"])
def test_a_guard_in_another_sdks_hook_is_a_call_of_its_own(server, guard, events, sdk, way):
    client = tb.wrap(OTHERS[sdk.name](server.url, guard.ask))
    server.answer(sdk.answer if way == "ask" else sdk.parts)
    result = getattr(sdk, way)(client)
    if way == "stream":
        list(result)
    assert [event.requested_model == GUARD for event in events] == [True, False]


def test_tasks_begun_inside_are_calls_of_their_own_and_stay_so(guard, events):
    """A hook starts work that goes on while the call around is made, and after it."""
    later = []

    async def work(ended):
        await guard.aask()
        await ended.wait()
        await guard.aask()

    async def main():
        ended = asyncio.Event()

        async def hook(_):
            later.append(asyncio.create_task(work(ended)))
            later.append(asyncio.create_task(guard.aask()))
            await asyncio.sleep(0)

        http = hooked(Wire(chat_server), hook, is_async=True)
        await ask(tb.wrap(openai.AsyncOpenAI(api_key="unused", http_client=http)))
        ended.set()
        await asyncio.gather(*later)

    asyncio.run(main())
    assert sorted(event.requested_model for event in events) == [GUARD] * 3 + ["gpt-4o-mini"]


def test_a_thread_with_the_context_of_a_call_is_not_part_of_it(server, guard, events):
    """As `asyncio.to_thread` and pools of workers run things."""

    def hook(*_, **__):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(guard.ask,))
        thread.start()
        thread.join()

    client = tb.wrap(gemini(server.url, hook))
    server.answer(sdks.SDKS[0].answer)
    sdks.SDKS[0].ask(client)
    assert [event.requested_model == GUARD for event in events] == [True, False]


def test_attempts_are_counted_where_they_are_made(server, connect, events):
    """A hook's retries are not those of the call around it."""
    refused = Reply(status=500, json={}, headers={"retry-after-ms": "1"})
    inner, _ = connect(openai.OpenAI, refused, chat_server)
    client = tb.wrap(gemini(server.url, lambda _: ask(inner) and None))
    server.answer(sdks.SDKS[0].answer)
    sdks.SDKS[0].ask(client)
    assert [(event.provider, event.attempts) for event in events] == [("openai", 2), ("google", 1)]
