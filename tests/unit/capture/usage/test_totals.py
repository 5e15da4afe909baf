"""What a total proves, whoever states it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.capture.usage.totals import by_total, made_of, with_cache, with_passes
from tokenbudget.core.usage import Pass, Usage

GEMINI = ("tool_prompt_tokens", "reasoning_tokens")
IN, OUT = "input_tokens", "output_tokens"
TOTALS = {
    # what is read, the total, what is beside, the rest -> input, output, warnings
    "both sides": ({IN: 100, OUT: 20}, 120, (), "", (100, 20, 0)),
    "no total": ({IN: 100, OUT: 20, "reasoning_tokens": 5}, None, (), "", (100, 20, 0)),
    "no output: nothing was written": ({IN: 100}, 100, (), "", (100, 0, 0)),
    "no output": ({IN: 100}, 130, (), "", (100, 30, 0)),
    "no input": ({OUT: 20}, 130, (), "", (110, 20, 0)),
    "a total that is less than the one side": ({IN: 100}, 90, (), "", (100, None, 1)),
    "neither side": ({}, 90, (), "", (None, None, 0)),
    "reasoning beside the output": ({IN: 100, OUT: 20, "reasoning_tokens": 7}, 127, (), "", (100, 27, 0)),
    "reasoning in the output": ({IN: 100, OUT: 20, "reasoning_tokens": 7}, 120, (), "", (100, 20, 0)),
    "cached tokens beside the input": ({IN: 10, OUT: 20, "cache_read_tokens": 900}, 930, (), "", (910, 20, 0)),
    "cached tokens and written ones": (
        {IN: 10, OUT: 20, "cache_read_tokens": 900, "cache_write_tokens": 70},
        1000,
        (),
        "",
        (980, 20, 0),
    ),
    "a tool's prompt and reasoning": (
        {IN: 100, OUT: 20, "tool_prompt_tokens": 40, "reasoning_tokens": 7},
        167,
        (),
        "",
        (140, 27, 0),
    ),
    "sound beside the text": ({IN: 100, OUT: 20, "input_audio_tokens": 300}, 420, (), "", (400, 20, 0)),
    "sound that only the total has": ({IN: 4, OUT: 12}, 391, (), "input_audio_tokens", (379, 12, 0)),
    "thoughts that only the total has": ({IN: 4, OUT: 12}, 391, (), "reasoning_tokens", (4, 387, 0)),
    "more than anything explains": ({IN: 100, OUT: 20, "reasoning_tokens": 7}, 150, (), "", (100, 20, 1)),
    "less than both sides": ({IN: 100, OUT: 20}, 90, (), "input_audio_tokens", (100, 20, 1)),
    "none, with parts that are always beside": (
        {IN: 100, OUT: 20, "reasoning_tokens": 15},
        None,
        GEMINI,
        "",
        (100, 35, 0),
    ),
    "with parts that are always beside": ({IN: 100, OUT: 20, "reasoning_tokens": 15}, 135, GEMINI, "", (100, 35, 0)),
    "inside for once": ({IN: 100, OUT: 20, "reasoning_tokens": 15}, 120, GEMINI, "", (100, 20, 0)),
    "inside for once, but the tool's prompt": (
        {IN: 100, OUT: 20, "reasoning_tokens": 15, "tool_prompt_tokens": 7},
        127,
        GEMINI,
        "",
        (107, 20, 0),
    ),
    "too much to be inside": ({IN: 100, OUT: 20, "reasoning_tokens": 50}, 120, GEMINI, "", (100, 70, 1)),
    "unexplained, with parts that are always beside": (
        {IN: 100, OUT: 20, "reasoning_tokens": 15},
        500,
        GEMINI,
        "",
        (100, 35, 1),
    ),
    "no number": ({IN: 100, OUT: 20}, "120 tokens", (), "", (100, 20, 0)),
    "sides that are no numbers": ({IN: "100", OUT: 20}, 500, (), "", ("100", 20, 0)),
}


@pytest.mark.parametrize(("read", "total", "beside", "rest", "expected"), TOTALS.values(), ids=TOTALS)
def test_what_a_total_proves_is_used(read, total, beside, rest, expected):
    found = dict(read)
    by_total(found, total, beside, rest)
    assert (found.get(IN), found.get(OUT), len(found.get("warnings", ()))) == expected
    if rest and not expected[2]:
        assert found[rest] == total - read[IN] - read[OUT]


def test_a_contradiction_names_all_values_beside_earlier_ones():
    found = {IN: 100, OUT: 20, "warnings": ("before",)}
    by_total(found, 90)
    assert found["warnings"] == ("before", "total_tokens 90 != input_tokens 100 + output_tokens 20")


counts = st.integers(0, 40)


@given(counts, counts, st.fixed_dictionaries({}, optional=dict.fromkeys((*GEMINI, "cache_read_tokens"), counts)))
def test_sides_that_are_not_marked_are_what_the_total_says(given_tokens, made, parts):
    for total in range(200):
        found = {IN: given_tokens, OUT: made} | parts
        by_total(found, total)
        assert ("warnings" in found) == (found[IN] + found[OUT] != total)


CACHED = {
    "a split": (
        {IN: 10, "cache_read_tokens": 5, "cache_write_5m_tokens": 3, "cache_write_1h_tokens": 4},
        {IN: 22, "cache_write_tokens": 7},
    ),
    "no split": ({IN: 10, "cache_write_tokens": 7}, {IN: 17, "cache_write_5m_tokens": 7}),
    "nothing cached": ({IN: 10}, {IN: 10}),
    "no input": ({"cache_read_tokens": 5}, {}),
}


@pytest.mark.parametrize(("read", "added"), CACHED.values(), ids=CACHED)
def test_what_was_cached_is_input(read, added):
    found = dict(read)
    with_cache(found)
    assert found == read | added


def test_passes_are_added_to_what_was_read():
    found = {IN: 10, OUT: 5, "reasoning_tokens": 2, "model": "m"}
    with_passes(found, "own", [Pass(usage=Usage(input_tokens=7, output_tokens=1, input_image_tokens=6), model="n")])
    assert {name: found[name] for name in (IN, OUT, "reasoning_tokens", "input_image_tokens")} == {
        IN: 17,
        OUT: 6,
        "reasoning_tokens": 2,
        "input_image_tokens": 6,
    }
    assert [(one.kind, one.usage.input_tokens) for one in found["passes"]] == [("own", 10), ("", 7)]


def test_there_is_nothing_to_add_to_where_nothing_was_stated():
    found = {"model": "m"}
    with_passes(found, "own", [Pass(usage=Usage(input_tokens=7, output_tokens=1))])
    assert found == {"model": "m"}


def test_a_call_that_is_nothing_but_passes_is_their_sum():
    found = {IN: 99, OUT: 99}
    made_of(
        found, [Pass(usage=Usage(input_tokens=7, output_tokens=1)), Pass(usage=Usage(input_tokens=2, output_tokens=3))]
    )
    assert (found[IN], found[OUT]) == (9, 4)
