"""What servers that speak OpenAI's protocol add to its usage, through OpenAI's client, to the last token and digit."""

from decimal import Decimal

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies, sdks, test_sdks
from tests.integration.capture.test_sdks import read
from tests.integration.capture.wire import Wire, client_of

pytestmark = test_sdks.pytestmark
DEEPINFRA = "https://api.deepinfra.com/v1/openai"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai"
MISTRAL = "https://api.mistral.ai/v1"
OPENAI = "https://api.openai.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
PERPLEXITY = "https://api.perplexity.ai"
VERCEL = "https://ai-gateway.vercel.sh/v1"
VOYAGE = "https://api.voyageai.com/v1"
XAI = "https://api.x.ai/v1"
COUNTS = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def client(base_url, *answers):
    return tb.wrap(openai.OpenAI(api_key="unused", base_url=base_url, http_client=client_of(openai, Wire(*answers))))


def chat(base_url, model, usage):
    answer = {name: value for name, value in bodies.CHAT.items() if name != "service_tier"}
    client(base_url, answer | {"model": model, "usage": usage}).chat.completions.create(model=model, messages=sdks.HI)


def respond(base_url, model, usage=None, output=(), **more):
    counts = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
    answer = bodies.RESPONSE | {"model": model, "output": list(output), "usage": counts | (usage or {})} | more
    client(base_url, answer).responses.create(model=model, input="hi")


# The provider's own bill


BILLS = {
    "a fee beside the bill of the user's own key": (
        {"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}},
        Decimal("0.0021"),
    ),
    "the user's own key, whose bill is not stated": (
        {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}},
        None,
    ),
    "a fee, and a bill that is not stated": ({"cost": 0.0001, "is_byok": True}, None),
    "text": ({"cost": "0.0012"}, Decimal("0.0012")),
    "a total that is text": ({"cost": {"total_cost": "0.0012"}}, Decimal("0.0012")),
    "a total that is null": ({"cost": {"total_cost": None}}, None),
}


@pytest.mark.parametrize(("usage", "bill"), BILLS.values(), ids=BILLS)
def test_only_what_was_billed_is_a_bill(events, usage, bill):
    chat(OPENROUTER, "openai/gpt-4o", COUNTS | usage)
    (event,) = events
    assert event.usage.reported_cost_usd == bill
    assert (event.usage.input_tokens, event.usage.output_tokens, event.warnings) == (100, 20, ())
    if bill is None:
        assert event.price_key != "reported"


GATEWAYS = {
    "DeepInfra, at its priority tier": (DEEPINFRA, {"estimated_cost": 8.775e-06}, Decimal("0.000008775")),
    "Vercel, beside what the market takes": (VERCEL, {"cost": 1.316e-05, "market_cost": 2e-05}, Decimal("0.00001316")),
}


@pytest.mark.parametrize(("base_url", "usage", "bill"), GATEWAYS.values(), ids=GATEWAYS)
def test_a_bill_by_another_name_is_a_bill(events, base_url, usage, bill):
    chat(base_url, "qwen/nobody-lists-it", COUNTS | usage)
    assert (events[0].cost_usd, events[0].price_key) == (bill, "reported")


def test_images_have_their_bill_in_the_answer_too(events):
    answer = {"created": 1_790_000_000, "data": [{"url": "x"}], "usage": {"cost_in_usd_ticks": 400_000_000}}
    client(XAI, answer).images.generate(model="grok-imagine-image-2.0", prompt="a hat")
    assert (events[0].cost_usd, events[0].usage.units) == (Decimal("0.04"), {"images": 1})


def test_a_gateways_bill_comes_through_anthropics_client_too(events):
    usage = {"input_tokens": 1000, "output_tokens": 100, "cost": 0.0051, "is_byok": False}
    wire = Wire(bodies.MESSAGE | {"model": "anthropic/claude-sonnet-4.5", "usage": usage})
    asked = anthropic.Anthropic(
        api_key="unused", base_url="https://openrouter.ai/api", http_client=client_of(anthropic, wire)
    )
    tb.wrap(asked).messages.create(model="anthropic/claude-sonnet-4.5", max_tokens=9, messages=sdks.HI)
    assert (events[0].provider, events[0].usage.input_tokens) == ("openrouter", 1000)
    assert (events[0].cost_usd, events[0].price_key) == (Decimal("0.0051"), "reported")


# Counts of nothing


def test_zeros_beside_an_answer_are_no_count(events):
    chat(OPENAI, "gpt-4o-mini", dict.fromkeys(COUNTS, 0))
    respond(OPENAI, "gpt-4o-mini", {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0})
    for event in events:
        assert event.usage.absent
        assert (event.cost_usd, event.unpriced) == (None, "no_usage")
        assert event.warnings == ("input_tokens 0, output_tokens 0: taken as not stated",)


# Perplexity

RESEARCH = {
    "prompt_tokens": 40,
    "completion_tokens": 700,
    "total_tokens": 740,
    "search_context_size": "low",
    "citation_tokens": 2000,
    "num_search_queries": 6,
    "reasoning_tokens": 9000,
}


def test_research_bills_its_thoughts_and_citations_beside_the_answer(events):
    chat(PERPLEXITY, "sonar-deep-research", RESEARCH)
    (event,) = events
    assert read(event) == {
        "input_tokens": 40,
        "output_tokens": 11_700,
        "reasoning_tokens": 9000,
        "citation_tokens": 2000,
        "tools": {"search_queries": 6},
    }
    assert event.warnings == ()
    tokens = 40 * Decimal(2) + 700 * Decimal(8) + 9000 * Decimal(3) + 2000 * Decimal(2)
    assert event.cost_usd == tokens / 1_000_000 + 6 * Decimal("0.005")


def test_thoughts_in_the_details_are_inside_the_completion(events):
    details = {"completion_tokens_details": {"reasoning_tokens": 9}}
    chat(PERPLEXITY, "sonar-deep-research", COUNTS | details | {"num_search_queries": 2})
    assert (events[0].usage.output_tokens, events[0].usage.tools) == (20, {"search_queries": 2})


def test_a_request_has_its_fee_without_a_bill(events):
    for size in ("low", "high"):
        chat(PERPLEXITY, "sonar", {**COUNTS, "search_context_size": size})
    assert [event.usage.tools for event in events] == [{"request_fee:low": 1}, {"request_fee:high": 1}]
    assert [event.cost_usd for event in events] == [Decimal("0.00512"), Decimal("0.01212")]


def test_the_agents_api_names_its_cached_tokens_otherwise(events):
    details = {"cache_creation_input_tokens": 5, "cache_read_input_tokens": 40}
    bill = {"currency": "USD", "total_cost": 0.013}
    respond(f"{PERPLEXITY}/v1", "openai/gpt-5.1", {"input_tokens_details": details, "cost": bill})
    usage = events[0].usage
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (40, 5)
    assert events[0].cost_usd == Decimal("0.013")


# Gemini

THOUGHT = {
    "thoughts only in the total": ("gemini-2.5-flash", {"total_tokens": 1120}, (1020, 1000)),
    "with its maker's name": ("google/gemini-2.5-pro", {"total_tokens": 1120}, (1020, 1000)),
    "nothing but thoughts": ("gemini-2.5-flash", {"total_tokens": 1100, "completion_tokens": 0}, (1000, 1000)),
    "none": ("gemini-2.5-flash", {}, (20, 0)),
    "thoughts stated": (
        "gemini-2.5-flash",
        {"total_tokens": 1120, "completion_tokens_details": {"reasoning_tokens": 5}},
        (20, 5),
    ),
    "another model": ("not-gemini", {"total_tokens": 1120}, (20, 0)),
}


@pytest.mark.parametrize(("model", "usage", "counts"), THOUGHT.values(), ids=THOUGHT)
def test_gemini_states_its_thoughts_in_the_total(events, model, usage, counts):
    chat(GEMINI, model, COUNTS | usage)
    assert (events[0].usage.output_tokens, events[0].usage.reasoning_tokens) == counts


# Other names


def test_mistrals_cached_tokens(events):
    chat(MISTRAL, "mistral-small-latest", {**COUNTS, "num_cached_tokens": 60})
    assert events[0].usage.cache_read_tokens == 60


def embed(base_url, model, usage):
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    answer = {"object": "list", "model": model, "data": data, "usage": usage}
    client(base_url, answer).embeddings.create(model=model, input="x", encoding_format="float")


def test_embeddings_that_state_but_a_total(events):
    embed(VOYAGE, "voyage-3.5", {"total_tokens": 7})
    assert (events[0].usage.input_tokens, events[0].usage.output_tokens) == (7, 0)


def test_embeddings_that_state_their_bill(events):
    embed(OPENROUTER, "openai/text-embedding-3-small", {"prompt_tokens": 7, "total_tokens": 7, "cost": 3.5e-7})
    assert (events[0].usage.input_tokens, events[0].cost_usd) == (7, Decimal("3.5e-7"))


# Tools that the server runs


def interpreted(**more):
    return {"id": "ci", "type": "code_interpreter_call", "code": "", "status": "completed", "outputs": [], **more}


CONTAINERS = {
    "one, used twice": (["k", "k"], 1),
    "two": (["k", "l", "k"], 2),
    "not named": ([None, None], 2),
}


@pytest.mark.parametrize(("ids", "sessions"), CONTAINERS.values(), ids=CONTAINERS)
def test_a_container_is_billed_once(events, ids, sessions):
    respond(OPENAI, "gpt-4.1-2025-04-14", output=[interpreted(container_id=one) for one in ids])
    assert events[0].usage.tools == {"code_interpreter": sessions}


STATED = {
    "searches of the web and of X": (
        {"web_search_calls": 1, "x_search_calls": 2, "code_interpreter_calls": 0},
        {"web_search": 1, "x_search": 2},
    ),
    "none": ({"web_search_calls": 0, "x_search_calls": 0}, {}),
    "only the web's": ({"web_search_calls": 3, "x_search_calls": None}, {"web_search": 3}),
    "nothing": (None, {"web_search": 1}),
}


@pytest.mark.parametrize(("stated", "tools"), STATED.values(), ids=STATED)
def test_xai_counts_its_searches_itself(events, stated, tools):
    searched = {"id": "w", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "a"}}
    respond(XAI, "grok-4.3", {"server_side_tool_usage_details": stated}, [searched])
    assert events[0].usage.tools == tools
