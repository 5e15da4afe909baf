"""What servers bill beside the tokens of a response: searches, containers, files, images; to the last digit."""

import asyncio
import json
from decimal import Decimal

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies, sdks, test_sdks
from tests.integration.capture.wire import Reply, Wire, client_of

pytestmark = test_sdks.pytestmark
AZURE = "https://house.openai.azure.com/openai/v1"
GROK_ON_AZURE = "https://house.services.ai.azure.com/openai/v1"
OPENAI = "https://api.openai.com/v1"
XAI = "https://api.x.ai/v1"
TOKENS = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
MINI = Decimal("0.00056")  # 1,000 tokens at $0.40 and 100 at $1.60 a million: gpt-4.1-mini
COST = Decimal("0.0028")  # 1,000 tokens at $2 and 100 at $8 a million: gpt-4.1


def answer(number=1, model="gpt-4.1-2025-04-14", *, items=(), tools=(), usage=TOKENS, **more):
    head = {"id": f"resp_{number}", "object": "response", "created_at": 1_790_000_000 + number, "status": "completed"}
    return head | {"model": model, "output": list(items), "tools": list(tools), "usage": usage} | more


def streamed(whole):
    """The same answer as a stream."""
    started = whole | {"status": "in_progress", "output": [], "usage": None, "tool_usage": None}
    done = [
        {"type": "response.output_item.done", "output_index": number, "item": item, "sequence_number": 0}
        for number, item in enumerate(whole["output"])
    ]
    ends = [{"type": "response.completed", "response": whole, "sequence_number": 0}]
    events = [{"type": "response.created", "response": started, "sequence_number": 0}, *done, *ends]
    return bodies.sse(*((event["type"], event) for event in events))


def client(*answers, base_url=OPENAI, is_async=False):
    http = client_of(openai, Wire(*answers), is_async=is_async)
    kind = openai.AsyncOpenAI if is_async else openai.OpenAI
    return tb.wrap(kind(api_key="unused", base_url=base_url, http_client=http))


def ask(whole, base_url=OPENAI, **more):
    client(whole, base_url=base_url).responses.create(model=whole["model"], input="hi", **more)


def search(kind="search", **more):
    return {
        "id": "ws",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": kind, "query": "q"},
        **more,
    }


def ran(container, **more):
    return {"id": "ci", "type": "code_interpreter_call", "status": "completed", "code": "", "outputs": []} | (
        {"container_id": container} | more
    )


def interpreter(container=None):
    return {"type": "code_interpreter", "container": {"type": "auto"} if container is None else container}


# Searches

GA, PREVIEW = {"type": "web_search"}, {"type": "web_search_preview"}
SEARCHED = {
    "the tool of today, on a model that does not reason": (OPENAI, "gpt-4.1-2025-04-14", GA, COST + Decimal("0.01")),
    "a dated version of it": (OPENAI, "gpt-4.1-2025-04-14", {"type": "web_search_2025_08_26"}, COST + Decimal("0.01")),
    "the preview of it": (OPENAI, "gpt-4.1-2025-04-14", PREVIEW, COST + Decimal("0.025")),
    "a dated preview": (
        OPENAI,
        "gpt-4.1-2025-04-14",
        {"type": "web_search_preview_2025_03_11"},
        COST + Decimal("0.025"),
    ),
    "a model whose row is silent": (OPENAI, "gpt-4o-2024-11-20", GA, Decimal("0.0035") + Decimal("0.01")),
    "the preview on it": (OPENAI, "gpt-4o-2024-11-20", PREVIEW, Decimal("0.0035") + Decimal("0.025")),
    "a model that reasons": (OPENAI, "gpt-5-2025-08-07", GA, Decimal("0.00225") + Decimal("0.01")),
    "the preview on a model that reasons": (OPENAI, "gpt-5-2025-08-07", PREVIEW, Decimal("0.00225") + Decimal("0.01")),
    "no tool named": (OPENAI, "gpt-4.1-2025-04-14", None, COST + Decimal("0.01")),
    "Azure": (AZURE, "gpt-4.1-2025-04-14", GA, COST + Decimal("0.014")),
    "a model of Azure's whose row is silent": (
        AZURE,
        "gpt-4o-2024-11-20",
        PREVIEW,
        Decimal("0.0035") + Decimal("0.014"),
    ),
    # The pages found count as 8,000 tokens at $0.40 a million.
    "a model with a fixed block of content": (OPENAI, "gpt-4.1-mini-2025-04-14", GA, MINI + Decimal("0.0132")),
    "the preview, whose content is free": (OPENAI, "gpt-4.1-mini-2025-04-14", PREVIEW, MINI + Decimal("0.025")),
}


@pytest.mark.parametrize(("base_url", "model", "tool", "cost"), SEARCHED.values(), ids=SEARCHED)
def test_a_search_costs_what_its_tool_does(events, base_url, model, tool, cost):
    ask(answer(model=model, items=[search()], tools=[tool] if tool else []), base_url)
    assert events[0].cost_usd == cost


def test_a_block_of_content_that_may_be_in_the_input_has_no_price(events):
    usage = TOKENS | {"input_tokens": 8000, "total_tokens": 8100}
    ask(answer(model="gpt-4.1-mini", items=[search()], tools=[GA], usage=usage))
    assert (events[0].cost_usd, events[0].unpriced) == (None, "no_unit_price: web_search_content")


STATED_SEARCHES = {
    "fewer than were made: some were discounted": (1, {"web_search": 1}),
    "none of them is billed": (0, {}),
    "not stated": (None, {"web_search": 2}),
}


@pytest.mark.parametrize(("stated", "tools"), STATED_SEARCHES.values(), ids=STATED_SEARCHES)
@pytest.mark.parametrize("how", ["whole", "stream", "raw"])
def test_billable_searches_are_those_that_the_answer_states(events, stated, tools, how):
    spent = {} if stated is None else {"tool_usage": {"image_gen": {}, "web_search": {"num_requests": stated}}}
    whole = answer(items=[search(), search("open_page"), search()], tools=[GA], **spent)
    send = client(streamed(whole) if how == "stream" else whole).responses
    if how == "raw":
        send.with_raw_response.create(model="gpt-4.1", input="hi").parse()
    else:
        list(send.create(model="gpt-4.1", input="hi", stream=how == "stream"))
    assert events[0].usage.tools == tools
    assert events[0].cost_usd == COST + sum(tools.values()) * Decimal("0.01")


def test_searches_of_a_file_have_their_fee(events):
    found = {"id": "fs", "type": "file_search_call", "status": "completed", "queries": ["a", "b"], "results": None}
    for base_url in (OPENAI, AZURE):
        ask(answer(items=[found, found], tools=[{"type": "file_search", "vector_store_ids": ["v"]}]), base_url)
    assert [event.cost_usd for event in events] == [COST + Decimal("0.005")] * 2


# Containers

FEE = Decimal("0.03")
MEMORY = {
    "left open": (OPENAI, None, FEE),
    "1 GB": (OPENAI, {"type": "auto", "memory_limit": "1g"}, FEE),
    "4 GB": (OPENAI, {"type": "auto", "memory_limit": "4g"}, Decimal("0.12")),
    "16 GB": (OPENAI, {"type": "auto", "memory_limit": "16g"}, Decimal("0.48")),
    "64 GB": (OPENAI, {"type": "auto", "memory_limit": "64g"}, Decimal("1.92")),
    "of a size that is not listed": (OPENAI, {"type": "auto", "memory_limit": "32g"}, None),
    "of the caller's own, whose size no answer says": (OPENAI, "cntr_a", None),
    "Azure": (AZURE, None, Decimal("0.033")),
    "of a size that Azure does not list": (AZURE, {"type": "auto", "memory_limit": "4g"}, None),
}


@pytest.mark.parametrize(("base_url", "container", "fee"), MEMORY.values(), ids=MEMORY)
def test_a_container_is_billed_by_its_memory(events, base_url, container, fee):
    ask(answer(items=[ran("cntr_a"), ran("cntr_a")], tools=[interpreter(container)]), base_url)
    assert events[0].cost_usd == (None if fee is None else COST + fee)
    if fee is None:
        assert events[0].unpriced.startswith("no_unit_price: code_interpreter:")


def test_a_container_that_several_answers_share_is_billed_once(events):
    uses = [answer(number, items=[ran("cntr_a")], tools=[interpreter()]) for number in (1, 2, 3, 4)]
    send = client(uses[0], streamed(uses[1]), uses[2]).responses
    send.create(model="gpt-4.1", input="hi")
    list(send.create(model="gpt-4.1", input="hi", stream=True))
    send.with_raw_response.create(model="gpt-4.1", input="hi").parse()
    asyncio.run(client(uses[3], is_async=True).responses.create(model="gpt-4.1", input="hi"))
    assert [event.cost_usd for event in events] == [COST + FEE, COST, COST, COST]


def test_a_batchs_answers_share_their_containers(events):
    lines = [
        {
            "id": f"r{number}",
            "custom_id": str(number),
            "response": {"status_code": 200, "body": answer(number, items=[ran("cntr_a")], tools=[interpreter()])},
        }
        for number in (1, 2)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    client(Reply(content=content, headers={"content-type": "application/octet-stream"})).files.content("file-1").read()
    halved = COST / 2
    assert [(event.batch, event.cost_usd) for event in events] == [(True, halved + FEE), (True, halved)]


def test_each_twenty_minutes_of_a_container_are_a_session(events):
    later = ["cntr_a", {"type": "auto", "memory_limit": "1g"}]
    times = [(1, {"type": "auto", "memory_limit": "4g"}), (1200, later[0]), (1201, later[0]), (1300, later[1])]
    for number, container in times:
        ask(answer(number, items=[ran("cntr_a")], tools=[interpreter(container)]))
    big = Decimal("0.12")
    assert [event.cost_usd for event in events] == [COST + big, COST, COST + big, COST]


def test_containers_are_counted_by_their_ids(events):
    ask(answer(items=[ran("cntr_a"), ran("cntr_b"), ran("cntr_a")], tools=[interpreter()]))
    ask(answer(2, items=[ran("cntr_b"), ran("cntr_c")], tools=[interpreter()]))
    assert [event.usage.tools for event in events] == [{"code_interpreter": 2}, {"code_interpreter": 1}]


def test_a_container_of_a_stream_that_is_left_is_billed_as_well(events):
    whole = answer(items=[ran("cntr_a")], tools=[interpreter({"type": "auto", "memory_limit": "4g"})])
    stream = client(streamed(whole)).responses.create(model="gpt-4.1", input="hi", stream=True)
    next(stream)
    next(stream)
    stream.close()
    ask(whole | {"id": "resp_2"})
    left, again = events
    assert (left.status, left.usage.tools, again.usage.tools) == ("aborted", {"code_interpreter:4g": 1}, {})


SHELLS = {
    "hosted": (
        {"type": "container_auto", "memory_limit": "4g"},
        {"container_id": "cntr_a"},
        {"code_interpreter:4g": 1},
    ),
    "the caller's container": (
        {"type": "container_reference", "container_id": "cntr_a"},
        {"container_id": "cntr_a"},
        {"code_interpreter:unknown": 1},
    ),
    "the caller's machine": ({"type": "local"}, {"type": "local"}, {}),
    "not said": (None, None, {}),
}


@pytest.mark.parametrize(("offered", "used", "tools"), SHELLS.values(), ids=SHELLS)
def test_a_hosted_shell_is_a_container(events, offered, used, tools):
    call = {"id": "sh", "call_id": "c", "type": "shell_call", "status": "completed", "action": {"commands": ["ls"]}}
    ask(answer(items=[call | {"environment": used}] * 2, tools=[{"type": "shell", "environment": offered}]))
    assert events[0].usage.tools == tools


ODD = {
    "tools that are none": {"items": [ran("cntr_a")], "tools": "x"},
    "a tool that is none": {"items": [ran("cntr_a")], "tools": [None, 5, {"type": "code_interpreter", "container": 7}]},
    "a container that is a number": {"items": [ran(5)], "tools": [interpreter()]},
    "a time that is none": {"items": [ran("cntr_a")], "tools": [interpreter()], "created_at": "yesterday"},
}


@pytest.mark.parametrize("more", ODD.values(), ids=ODD)
def test_odd_answers_keep_their_tokens_and_their_container(events, more):
    send = client(answer(**more)).responses.with_raw_response
    send.create(model="gpt-4.1", input="hi")
    assert (events[0].usage.input_tokens, events[0].usage.tools) == (1000, {"code_interpreter": 1})


SPENT_ODDLY = {
    "words": {"tool_usage": "x"},
    "numbers": {"tool_usage": {"web_search": 5, "image_gen": "a"}},
    "counts in words": {
        "tool_usage": {"image_gen": {"input_tokens": "5"}},
        "tools": [{"type": "image_generation", "model": 5}],
    },
    "a list": {"usage": TOKENS | {"server_side_tool_usage_details": [1, 2]}},
}


@pytest.mark.parametrize("more", SPENT_ODDLY.values(), ids=SPENT_ODDLY)
def test_what_cannot_be_read_of_tools_loses_no_tokens(events, more):
    client(answer(**more)).responses.with_raw_response.create(model="gpt-4.1", input="hi")
    assert (events[0].usage.input_tokens, events[0].cost_usd) == (1000, COST)


# Images

IMAGE = {"id": "ig", "type": "image_generation_call", "status": "completed", "result": "aGk="}
DRAWER = {"type": "image_generation", "model": "gpt-image-1.5", "size": "1024x1024"}
SPENT = {
    "input_tokens": 50,
    "output_tokens": 4160,
    "total_tokens": 4210,
    "input_tokens_details": {"image_tokens": 10, "text_tokens": 40},
}
DRAWN = {
    # Text at $5, images at $8 in and $32 out a million.
    "all output is the image": (SPENT, Decimal("0.1334")),
    "the output is split": (
        SPENT | {"output_tokens_details": {"image_tokens": 4100, "text_tokens": 60}},
        Decimal("0.13208"),
    ),
    # 20 of the texts at $1.25 and 5 of the images at $2 a million are from the cache.
    "some input is cached": (
        SPENT | {"cached_tokens": 25, "cached_tokens_details": {"cached_image_tokens": 5, "cached_text_tokens": 20}},
        Decimal("0.133295"),
    ),
}


@pytest.mark.parametrize(("spent", "cost"), DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("stream", [False, True])
def test_images_are_billed_by_the_model_that_makes_them(events, spent, cost, stream):
    whole = answer(items=[IMAGE], tools=[DRAWER], tool_usage={"image_gen": spent, "web_search": {"num_requests": 0}})
    list(client(streamed(whole) if stream else whole).responses.create(model="gpt-4.1", input="hi", stream=stream))
    (event,) = events
    assert event.cost_usd == COST + cost
    assert (event.usage.input_tokens, event.usage.output_tokens) == (1050, 4260)
    assert [(one.kind, one.model, one.usage.input_tokens) for one in event.usage.passes] == [
        ("response", None, 1000),
        ("image_generation", "gpt-image-1.5", 50),
    ]


UNKNOWN = {
    "nothing is stated": {"items": [IMAGE, IMAGE], "tools": [DRAWER]},
    "zeros are stated": {"items": [IMAGE], "tools": [DRAWER], "tool_usage": {"image_gen": dict.fromkeys(SPENT, 0)}},
    "the model is not named": {
        "items": [IMAGE],
        "tools": [{"type": "image_generation"}],
        "tool_usage": {"image_gen": SPENT},
    },
    "there are two models": {
        "items": [IMAGE],
        "tools": [DRAWER, DRAWER | {"model": "gpt-image-1"}],
        "tool_usage": {"image_gen": SPENT},
    },
    "there is no usage": {"items": [IMAGE], "tools": [DRAWER], "tool_usage": {"image_gen": SPENT}, "usage": None},
}


@pytest.mark.parametrize("more", UNKNOWN.values(), ids=UNKNOWN)
def test_an_image_of_which_too_little_is_known_is_never_free(events, more):
    ask(answer(**more))
    assert (events[0].cost_usd, events[0].unpriced) == (None, "no_unit_price: image_generation")


def test_an_image_that_failed_is_not_billed(events):
    ask(answer(items=[IMAGE | {"status": "failed", "result": None}], tools=[DRAWER]))
    assert (events[0].usage.tools, events[0].cost_usd) == ({}, COST)


def test_an_image_of_a_stream_that_is_left_is_never_free(events):
    stream = client(streamed(answer(items=[IMAGE], tools=[DRAWER]))).responses.create(
        model="m", input="hi", stream=True
    )
    next(stream)
    next(stream)
    stream.close()
    assert events[0].usage.tools == {"image_generation": 1}
    assert events[0].cost_usd is None


AUTHOR = {
    "model": "gpt-5-2025-08-07",
    "input_tokens": 400,
    "output_tokens": 900,
    "reasoning_tokens": 300,
    "total_tokens": 1300,
}
AUTHORED = Decimal("0.0095")  # 400 tokens at $1.25 and 900 at $10 a million


def test_whoever_writes_an_image_as_svg_is_billed_beside_who_drew_it(events):
    item = IMAGE | {"output_format": "svg", "svg_usage": AUTHOR}
    ask(answer(items=[item], tools=[DRAWER], tool_usage={"image_gen": SPENT}))
    (event,) = events
    assert event.cost_usd == COST + Decimal("0.1334") + AUTHORED
    assert (event.usage.input_tokens, event.usage.output_tokens) == (1450, 5160)
    assert event.usage.reasoning_tokens == 300


SVG = {
    "beside tokens": ({"usage": SPENT}, Decimal("0.1334") + AUTHORED, None),
    "beside images": ({}, None, "no_unit_price: svg, images"),
}


@pytest.mark.parametrize(("more", "cost", "unpriced"), SVG.values(), ids=SVG)
def test_an_image_of_the_images_api_has_an_author_as_well(events, more, cost, unpriced):
    made = {"created": 1, "data": [{"b64_json": "aGk="}], "svg_usage": AUTHOR} | more
    client(made).images.generate(model="gpt-image-1.5", prompt="x", extra_body={"output_format": "svg"})
    assert (events[0].cost_usd, events[0].unpriced) == (cost, unpriced)


# xAI

GROK = Decimal("0.0015")  # 1,000 tokens at $1.25 and 100 at $2.50 a million: grok-4.3
COUNTED = {
    "every tool with a fee": (
        {
            "web_search_calls": 1,
            "x_search_calls": 2,
            "code_interpreter_calls": 3,
            "file_search_calls": 4,
            "document_search_calls": 5,
        },
        {"web_search": 1, "x_search": 2, "code_interpreter": 3, "file_search": 4, "attachment_search": 5},
        Decimal("0.005") * 6 + Decimal("0.0025") * 4 + Decimal("0.01") * 5,
    ),
    "what other machines do costs only tokens": ({"mcp_calls": 7, "web_search_calls": 0}, {}, Decimal(0)),
    "what a search of X found": (
        {"x_search_calls": 2, "x_posts_fetched": 30, "x_users_fetched": 2},
        {"x_posts": 30, "x_profiles": 2},
        Decimal("0.17"),
    ),
    "a search of X that found nothing": ({"x_search_calls": 2, "x_posts_fetched": 0}, {}, Decimal(0)),
    "images, whose model is not stated": ({"image_generation_calls": 1}, {"image_generation": 1}, None),
    "counts in words": ({"web_search_calls": "3", "x_search_calls": None}, {"web_search": 3}, Decimal("0.015")),
    "a tool of tomorrow": ({"time_travel_calls": 2}, {"time_travel": 2}, None),
}


@pytest.mark.parametrize(("stated", "tools", "fees"), COUNTED.values(), ids=COUNTED)
def test_xai_states_its_tools(events, stated, tools, fees):
    ask(answer(model="grok-4.3", usage=TOKENS | {"server_side_tool_usage_details": stated}), XAI)
    assert events[0].usage.tools == tools
    assert events[0].cost_usd == (None if fees is None else GROK + fees)


def test_xais_searches_are_counted_where_they_are_not_stated(events):
    found = {"id": "x", "type": "x_search_call", "status": "completed"}
    custom = {"id": "c", "call_id": "c", "type": "custom_tool_call", "input": "{}", "status": "completed"}
    named = [custom | {"name": name} for name in ("x_keyword_search", "x_thread_fetch", "my_own_tool")]
    ask(answer(model="grok-4.3", items=[found, *named, search()], tools=[{"type": "x_search"}]), XAI)
    assert events[0].usage.tools == {"web_search": 1, "x_search": 3}
    assert events[0].cost_usd == GROK + 4 * Decimal("0.005")


def test_what_xai_bills_is_the_bill(events):
    stated = {"cost_in_usd_ticks": 37_756_000, "server_side_tool_usage_details": {"web_search_calls": 2}}
    ask(answer(model="grok-4.3", usage=TOKENS | stated), XAI)
    assert events[0].cost_usd == Decimal("0.0037756")


@pytest.mark.parametrize("base_url", [XAI, GROK_ON_AZURE])
def test_a_bill_of_nothing_beside_tokens_is_none(events, base_url):
    ask(answer(model="grok-4.3", usage=TOKENS | {"cost_in_usd_ticks": 0}), base_url)
    assert (events[0].cost_usd, events[0].price_key.rpartition("/")[2]) == (GROK, "grok-4.3")


def chat(base_url, model, usage, **more):
    said = {name: value for name, value in bodies.CHAT.items() if name != "service_tier"}
    counts = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    whole = said | {"model": model, "usage": counts | usage} | more
    client(whole, base_url=base_url).chat.completions.create(model=model, messages=sdks.HI)


def test_a_chats_sources_have_a_fee_each(events):
    chat(XAI, "grok-4.3", {"num_sources_used": 4})
    chat(XAI, "grok-4.3", {"num_sources_used": 0})
    assert [event.usage.tools for event in events] == [{"live_search_sources": 4}, {}]
    assert [event.cost_usd for event in events] == [GROK + Decimal("0.1"), GROK]


def test_a_model_that_is_free_of_charge_is_billed_nothing(events):
    chat("https://openrouter.ai/api/v1", "meta-llama/llama-3.3-70b-instruct:free", {"cost": 0})
    assert (events[0].cost_usd, events[0].price_key) == (0, "reported")


# Azure's model router

ROUTED = {
    # 1,000 tokens at $0.25 and 100 at $2 a million; 1,000 at $0.14 for the choice.
    "the model that it chose": ("model-router", "gpt-5-mini-2025-08-07", Decimal("0.00059")),
    "a deployment of a model": ("my-mini", "gpt-5-mini-2025-08-07", Decimal("0.00045")),
    "a model that it does not name": ("model-router", "model-router", None),
    "a model that nobody lists": ("model-router", "gpt-of-tomorrow", None),
}


@pytest.mark.parametrize(("asked", "answered", "cost"), ROUTED.values(), ids=ROUTED)
def test_the_choice_of_a_model_is_billed_beside_it(events, asked, answered, cost):
    counts = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    whole = bodies.CHAT | {"model": answered, "usage": counts}
    client(whole, base_url=AZURE).chat.completions.create(model=asked, messages=sdks.HI)
    assert events[0].cost_usd == cost


# Groq

HALF = {"prompt_tokens": 400, "completion_tokens": 50, "total_tokens": 450}
BREAKDOWN = {
    "models": [
        {"model": "openai/gpt-oss-20b", "usage": HALF},
        {"model": "openai/gpt-oss-120b", "usage": HALF | {"prompt_tokens_details": {"cached_tokens": 100}}},
    ]
}
# $0.075, of cached tokens $0.0375, and $0.30 a million; $0.15, $0.075 and $0.60.
BOTH = Decimal("0.000045") + Decimal("0.0000825")
RUN = {
    "websites": (["visit", "visit"], {"visit_website": 2}, BOTH + Decimal("0.002")),
    "a search of unknown depth": (["search"], {"search": 1}, None),
    "code that ran for who knows how long": (["python"], {"code_execution": 1}, None),
    "what somebody else bills": (["wolfram"], {"wolfram_alpha": 1}, BOTH),
    "a browser": (
        ["browser.search", "browser.open", "browser.find"],
        {"web_search": 1, "visit_website": 1},
        BOTH + Decimal("0.006"),
    ),
    "nothing": ([], {}, BOTH),
}


def groq_answer(kinds):
    tools = [{"index": number, "type": kind, "arguments": "{}"} for number, kind in enumerate(kinds)]
    message = {"role": "assistant", "content": "Hello", "executed_tools": tools}
    return {
        "id": "chatcmpl-g",
        "object": "chat.completion",
        "created": 1,
        "model": "groq/compound",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 800, "completion_tokens": 100, "total_tokens": 900},
        "usage_breakdown": BREAKDOWN,
        "x_groq": {"id": "req_1"},
    }


def groq_stream(kinds):
    whole = groq_answer(kinds)
    (choice,) = whole["choices"]
    head = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    tools = choice["message"]["executed_tools"]

    def chunk(finish=None, x_groq=None, **delta):
        return (
            head
            | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            | ({} if x_groq is None else {"x_groq": x_groq})
        )

    told = [chunk(executed_tools=[tool]) for tool in [*tools, *(tool | {"output": "done"} for tool in tools)]]
    spent = {"id": "req_1", "usage": whole["usage"], "usage_breakdown": BREAKDOWN}
    return bodies.sse(chunk(x_groq={"id": "req_1"}), *told, chunk(content="Hello"), chunk("stop", spent), "[DONE]")


@pytest.mark.parametrize(("kinds", "tools", "cost"), RUN.values(), ids=RUN)
@pytest.mark.parametrize("how", ["groq", "groq, streamed", "openai"])
def test_a_system_costs_what_its_models_and_tools_do(server, events, kinds, tools, cost, how):
    if how == "openai":
        send = client(groq_answer(kinds), base_url="https://api.groq.com/openai/v1").chat.completions
    else:
        server.answer(groq_stream(kinds) if "streamed" in how else groq_answer(kinds))
        send = tb.wrap(sdks.groq(server.url)).chat.completions
    list(send.create(model="groq/compound", messages=sdks.HI, stream="streamed" in how))
    (event,) = events
    assert (event.model, event.requested_model) == ("openai/gpt-oss-120b", "groq/compound")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.cache_read_tokens) == (800, 100, 100)
    assert (event.usage.tools, event.cost_usd) == (tools, cost)


# Google

FLASH, FLASH_3 = "gemini-2.5-flash", "gemini-3-flash-preview"
SEARCH = {"google_search": {}}
GROUNDED = {
    "two searches before Gemini 3": (FLASH, SEARCH, {"webSearchQueries": ["a", "b"]}, {"grounded_prompt": 1}, "0.035"),
    "two searches since": (
        FLASH_3,
        SEARCH,
        {"webSearchQueries": ["a", "b"]},
        {"google_search_queries": 2},
        "0.028",
    ),
    "a search of images is one as well": (
        FLASH_3,
        SEARCH,
        {"webSearchQueries": ["a"], "imageSearchQueries": ["a", "b"]},
        {"google_search_queries": 3},
        "0.042",
    ),
    "for enterprises": (
        FLASH,
        {"enterprise_web_search": {}},
        {"webSearchQueries": ["a", "b"]},
        {"enterprise_web_search": 1},
        "0.045",
    ),
    "for enterprises, at a fee that is not listed": (
        FLASH_3,
        {"enterprise_web_search": {}},
        {"webSearchQueries": ["a"]},
        {"enterprise_web_search": 1},
        None,
    ),
    "a store of Vertex AI Search": (
        FLASH,
        {"retrieval": {"vertex_ai_search": {"datastore": "d"}}},
        {"retrievalQueries": ["a", "b"]},
        {"vertex_ai_search": 1},
        "0.0025",
    ),
    "a store of one's own": (
        FLASH,
        {"retrieval": {"vertex_rag_store": {"rag_resources": []}}},
        {"groundingChunks": [{"retrievedContext": {"uri": "u"}}]},
        {},
        "0",
    ),
    "maps": (FLASH, {"google_maps": {}}, {"groundingChunks": [{"maps": {"uri": "u"}}]}, {"google_maps": 1}, "0.025"),
}


@pytest.mark.parametrize(("model", "tool", "metadata", "tools", "fee"), GROUNDED.values(), ids=GROUNDED)
def test_grounding_is_billed_by_its_source(server, events, model, tool, metadata, tools, fee):
    said = {"index": 0, "content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
    answered = {"modelVersion": model, "responseId": "r", "usageMetadata": usage}
    server.answer(answered | {"candidates": [said | {"groundingMetadata": metadata}]})
    google = tb.wrap(sdks.vertex(server.url))
    google.models.generate_content(model=model, contents="hi", config={"tools": [tool]})
    (event,) = events
    assert event.usage.tools == tools
    tokens = Decimal("0.00055") if model == FLASH else Decimal("0.0008")
    assert event.cost_usd == (None if fee is None else tokens + Decimal(fee))


# Mistral

CONNECTED = {
    "a search": ({"web_search": 1}, Decimal("0.03")),
    "news": ({"web_search_premium": 2}, Decimal("0.1")),
    "code and an image": ({"code_interpreter": 1, "image_generation": 1}, Decimal("0.13")),
    "none": ({"web_search": 0}, Decimal(0)),
    "one that is not listed": ({"document_library": 1}, None),
}


@pytest.mark.parametrize(("connectors", "fees"), CONNECTED.values(), ids=CONNECTED)
def test_connectors_have_their_fees(server, events, connectors, fees):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "connectors": connectors}
    outputs = [{"type": "message.output", "id": "m", "content": "Hello", "model": "mistral-medium-latest"}]
    server.answer({"object": "conversation.response", "conversation_id": "c", "outputs": outputs, "usage": usage})
    tb.wrap(sdks.mistral(server.url)).beta.conversations.start(agent_id="ag_1", inputs="hi")
    assert events[0].cost_usd == (None if fees is None else Decimal("0.00225") + fees)
