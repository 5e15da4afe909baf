import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core.usage import INPUT_PARTS, OUTPUT_PARTS, TOKEN_FIELDS, Pass, Usage, _is_sound, check

counts = st.integers(-10, 100)
usages = st.builds(Usage, **dict.fromkeys(TOKEN_FIELDS, counts))


@given(usages)
def test_checked_usage_never_contradicts_itself(usage: Usage) -> None:
    fixed, warnings = check(usage)
    assert check(fixed) == (fixed, ())
    assert (fixed != usage) == bool(warnings)
    assert all(getattr(fixed, part) <= fixed.input_tokens for part in INPUT_PARTS)
    assert all(getattr(fixed, part) <= fixed.output_tokens for part in OUTPUT_PARTS)
    assert fixed.cache_read_tokens + fixed.cache_write_tokens <= fixed.input_tokens
    lifetimes = fixed.cache_write_5m_tokens + fixed.cache_write_1h_tokens + fixed.cache_write_12h_tokens
    assert max(lifetimes, fixed.cache_write_audio_tokens) <= fixed.cache_write_tokens
    assert max(fixed.cache_read_audio_tokens, fixed.cache_read_image_tokens) <= fixed.cache_read_tokens
    assert min(getattr(fixed, name) for name in TOKEN_FIELDS) >= 0


@given(usages)
def test_the_quick_look_agrees_with_the_careful_one(usage: Usage) -> None:
    fixed, _ = check(usage)
    assert _is_sound(fixed)
    assert _is_sound(usage) == (fixed == usage)


def test_sound_usage_is_returned_as_it_is() -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, cache_write_tokens=6, reasoning_tokens=5)
    assert check(usage)[0] is usage


@pytest.mark.parametrize(
    ("usage", "total", "absent"),
    [
        (Usage(), None, True),
        (Usage(input_tokens=3), 3, False),
        (Usage(input_tokens=3, output_tokens=4, cache_read_tokens=2), 7, False),
        (Usage(tools={"web_search": 1}), None, False),
    ],
)
def test_unknown_is_not_zero(usage: Usage, total: int | None, absent: bool) -> None:
    assert (usage.total_tokens, usage.absent) == (total, absent)


def test_passes_are_checked_as_well() -> None:
    sound = Pass(usage=Usage(input_tokens=3, output_tokens=1), kind="message")
    bad = Pass(usage=Usage(input_tokens=-5, output_tokens=1), model="m", kind="advisor_message")
    usage, warnings = check(Usage(input_tokens=3, output_tokens=2, passes=(sound, bad)))
    assert usage.passes == (sound, Pass(usage=Usage(input_tokens=0, output_tokens=1), model="m", kind=bad.kind))
    assert warnings == ("pass 1: input_tokens -5 < 0",)
    assert check(usage)[0] is usage
