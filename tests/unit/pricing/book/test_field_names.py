import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.pricing.book.field_names import Field, parse


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("input_cost_per_token", Field("input", "token")),
        ("output_cost_per_token", Field("output", "token")),
        ("input_cost_per_token_batches", Field("input", "token", tier="batch")),
        ("input_cost_per_token_above_200k_tokens", Field("input", "token", above=200_000)),
        ("input_cost_per_token_above_272k_tokens_priority", Field("input", "token", 272_000, "priority")),
        ("input_cost_per_token_priority_above_272k_tokens", Field("input", "token", 272_000, "priority")),
        ("output_cost_per_token_never_heard_of", None),
        ("output_cost_per_token_ultrafast", Field("output", "token", tier="ultrafast")),
        ("output_cost_per_reasoning_token", Field("reasoning", "token")),
        ("output_cost_per_reasoning_token_flex", Field("reasoning", "token", tier="flex")),
        ("input_cost_per_audio_token", Field("input_audio", "token")),
        ("input_cost_per_image_token", Field("input_image", "token")),
        ("output_cost_per_video_token", Field("output_video", "token")),
        ("cache_read_input_token_cost", Field("cache_read", "token")),
        ("cache_read_input_audio_token_cost_batches", Field("cache_read_audio", "token", tier="batch")),
        ("input_cost_per_token_cache_hit", Field("cache_read", "token")),
        ("cache_creation_input_token_cost", Field("cache_write", "token")),
        ("cache_creation_input_token_cost_above_1hr", Field("cache_write_1h", "token")),
        ("cache_creation_input_token_cost_above_12hr_flex", Field("cache_write_12h", "token", tier="flex")),
        (
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches",
            Field("cache_write_1h", "token", 200_000, "batch"),
        ),
        ("explicit_cache_read_input_token_cost", Field("explicit_cache_read", "token")),
        ("citation_cost_per_token", Field("citation", "token")),
        ("input_cost_per_image", Field("input_per_image", "image")),
        ("output_cost_per_image_0.5K", Field("output_per_image:0.5k", "image")),
        ("output_cost_per_second_1080p", Field("output_per_second:1080p", "second")),
        ("input_cost_per_video_per_second", Field("input_per_video_second", "second")),
        ("input_cost_per_video_per_second_above_8s_interval", Field("input_per_video_second:above_8s", "second")),
        ("cost_per_second", Field("per_second", "second")),
        ("input_cost_per_character", Field("input_per_character", "character")),
        ("ocr_cost_per_page_batches", Field("ocr_per_page", "page", tier="batch")),
        ("google_maps_grounding_cost_per_query", Field("google_maps_grounding_per_query", "query")),
        ("code_interpreter_cost_per_session", Field("code_interpreter_per_session", "session")),
        ("input_dbu_cost_per_token", None),
        ("computer_use_input_cost_per_1k_tokens", None),
        ("file_search_cost_per_gb_per_day", None),
        ("supports_vision", None),
        ("max_input_tokens", None),
        ("", None),
    ],
)
def test_parse(name, field):
    assert parse(name) == field


@given(
    side=st.sampled_from(["input", "output"]),
    above=st.integers(1, 2000),
    tier=st.from_regex(r"[a-z]{3,12}", fullmatch=True).filter(lambda word: word not in {"batches", "above"}),
)
def test_suffixes_in_either_order_and_tiers_never_heard_of(side, above, tier):
    suffixes = [f"_above_{above}k_tokens", f"_{tier}"]
    readings = {parse(f"{side}_cost_per_token{''.join(order)}") for order in itertools.permutations(suffixes)}
    assert readings == {Field(side, "token", above * 1000, tier)}
