"""The table of which count is part of which, and what is derived from it."""

from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core.token_parts import PART_OF, REMAINDERS, side_of
from tokenbudget.core.usage import TOKEN_FIELDS, Usage, check


def test_the_table_has_every_token_count_once_and_wholes_first() -> None:
    assert tuple(PART_OF) == TOKEN_FIELDS
    for name, wholes in PART_OF.items():
        assert all(TOKEN_FIELDS.index(whole) < TOKEN_FIELDS.index(name) for whole in wholes)
        assert {side_of(whole) for whole in wholes} <= {side_of(name)}


def test_cached_media_lie_in_what_was_cached_and_in_their_modality() -> None:
    assert {name: wholes for name, wholes in PART_OF.items() if len(wholes) > 1} == {
        "cache_read_audio_tokens": ("cache_read_tokens", "input_audio_tokens"),
        "cache_read_image_tokens": ("cache_read_tokens", "input_image_tokens"),
        "cache_write_audio_tokens": ("cache_write_tokens", "input_audio_tokens"),
    }


def around(name: str) -> set[str]:
    return {name, *(outer for whole in PART_OF[name] for outer in around(whole))}


def left(whole: str, counts: dict[str, int]) -> int:
    return sum(sign * counts[name] for name, sign in REMAINDERS[whole].items())


@given(st.fixed_dictionaries(dict.fromkeys(TOKEN_FIELDS, st.integers(0, 9))))
def test_a_remainder_is_what_lies_in_no_part(own: dict[str, int]) -> None:
    counts = {whole: sum(own[name] for name in TOKEN_FIELDS if whole in around(name)) for whole in TOKEN_FIELDS}
    assert {whole: left(whole, counts) for whole in REMAINDERS} == {whole: own[whole] for whole in REMAINDERS}


@given(st.fixed_dictionaries(dict.fromkeys(TOKEN_FIELDS, st.sampled_from([0, 0, 0, 1, 2, 5, 9]))))
def test_counts_that_leave_nothing_negative_are_sound(counts: dict[str, int]) -> None:
    if all(left(whole, counts) >= 0 for whole in REMAINDERS):
        usage = Usage(**counts)
        assert check(usage) == (usage, ())
