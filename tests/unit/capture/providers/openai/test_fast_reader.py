"""The fast reader returns what table and rules return."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from tokenbudget.capture import registry
from tokenbudget.capture.instrument.api_spec import never
from tokenbudget.capture.providers import openai
from tokenbudget.capture.usage.builder import usage_of
from tokenbudget.capture.usage.fields import fields

COUNTS = st.sampled_from([None, 0, 0, 1, 7, 250])


def maybe(values):
    return st.one_of(st.none(), values)


def section(*names):
    return maybe(st.fixed_dictionaries({}, optional=dict.fromkeys(names, COUNTS)))


usages = st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 500), "completion_tokens": st.integers(0, 500)},
    optional={
        "total_tokens": st.integers(0, 1000),
        "prompt_tokens_details": section(
            "cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "video_tokens", "text_tokens", "odd"
        ),
        "completion_tokens_details": section(
            "reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens", "odd"
        ),
        "prompt_cache_hit_tokens": COUNTS,
        "reasoning_tokens": COUNTS,
        "citation_tokens": COUNTS,
        "queue_time": st.just(0.1),
        "cost": st.sampled_from([0, 0.5, None]),
    },
)
models = st.sampled_from(["gpt-4o-mini", "gpt-4o-search-preview", "gemini-2.5-flash", "grok-4"])
tiers = st.sampled_from([None, "default", "flex"])


def body(usage, model="gpt-4o-mini", tier=None):
    return {
        "id": "c-1",
        "model": model,
        "object": "chat.completion",
        "choices": [],
        "service_tier": tier,
        "usage": usage,
    }


def read(answer):
    found = openai.CHAT.read(answer)
    for rule in openai.CHAT.rules:
        rule(found, answer, {})
    return found


def told(found):
    names = ("model", "response_id", "service_tier")
    return usage_of(found), [found.get(name) for name in names]


@given(maybe(usages), models, tiers, st.sampled_from(["as drawn", "both sides", "and reasoning"]))
@settings(max_examples=500)
def test_it_reads_the_same_or_nothing(usage, model, tier, total):
    if usage and total != "as drawn":
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        if total == "and reasoning":
            usage["completion_tokens_details"] = {"reasoning_tokens": 7}
            usage["total_tokens"] += 7
    response = ChatCompletion.construct(**body(usage, model, tier))
    found = openai.CHAT.fast_reader(response)
    assert found is None or told(found) == told(read(fields(response)))


def test_it_reads_the_usual_answer():
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0, "text_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
        "queue_time": 0.1,
    }
    response = ChatCompletion.construct(**body(usage, tier="flex"))
    assert openai.CHAT.fast_reader(response) == {
        "model": "gpt-4o-mini",
        "response_id": "c-1",
        "service_tier": "flex",
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 4,
        "text_tokens": 6,
        "reasoning_tokens": 2,
    }


@pytest.mark.parametrize("response", [None, "sound", {}, {"usage": {}}, object()])
def test_another_shape_is_none(response):
    assert openai.CHAT.fast_reader(response) is None


def test_nobody_with_another_table_or_other_rules_inherits_it():
    for package in registry.packages():
        for api in registry.sdk(package).apis:
            same = (api.read, api.rules) == (openai.CHAT.read, openai.CHAT.rules)
            assert api.fast_reader is never or same, (package, api.operation)
