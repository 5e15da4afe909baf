from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import TOKEN_FIELDS, Usage, check
from tokenbudget_server.ingest import validate
from tokenbudget_server.ingest.validate import Bounds, find_fault, is_ordinary
from tokenbudget_server.store.rows import EVENT_COLUMNS, Cost, lay_out

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "named",
    [
        # The shortest text of the float that the provider sent.
        {"usage": Usage(reported_cost_usd=Decimal(str(1.4999999999999999e-06)))},
        {"usage": Usage(units={"seconds": Decimal(str(0.1 + 0.2))})},
        {"response_id": "resp_" + "x" * 1000},
    ],
)
def test_what_providers_send_is_taken(named):
    event = Event(id=uuid7(), occurred_at=NOW, provider="openrouter", model="m", **named)
    assert find_fault(event, Bounds.at(NOW, None)) is None


def made(**fields):
    return Event(**({"id": uuid7(), "occurred_at": NOW, "provider": "openai", "model": "m"} | fields))


def test_what_was_sound_before_does_not_make_its_neighbour_sound():
    bounds = Bounds.at(NOW, None)
    sound = {"tags": {"feature": "chat", "env": "x" * 100}}
    assert find_fault(made(**sound), bounds) is None
    for tags in ({"feature": "chat", "e nv": "x"}, {f"k{number}": "" for number in range(21)}):
        assert find_fault(made(tags=tags), bounds)[0] == "tags"
        assert find_fault(made(tags=tags), bounds)[0] == "tags"  # A fault is not remembered as sound.


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(validate, "_MOST_REMEMBERED", 3)
    for number in range(10):
        assert find_fault(made(tags={f"key{number}": ""}), Bounds.at(NOW, None)) is None
    assert len(validate._sound_keys) <= 3


@pytest.mark.parametrize("name", TOKEN_FIELDS)
def test_no_count_is_larger_than_one_call_can_have(name):
    fault = find_fault(made(usage=Usage(**{name: validate.LARGEST_COUNT + 1})), Bounds.at(NOW, None))
    assert fault[0] == f"usage.{name}"


_COUNTS = st.integers(-1, 4) | st.sampled_from([10**12, 10**12 + 1])
USAGE_REST = [column.name for column in EVENT_COLUMNS].index("usage_rest")
_USAGES = st.builds(
    Usage,
    **{name: st.none() | _COUNTS for name in ("input_tokens", "output_tokens")},
    **dict.fromkeys(("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"), _COUNTS),
    output_audio_tokens=st.sampled_from([0, 0, 0, 1]),
    tools=st.sampled_from([{}, {}, {"web_search": 1}]),
    reported_cost_usd=st.sampled_from([None, None, Decimal(0), Decimal(-1)]),
)


@given(_USAGES)
@example(Usage())
@example(Usage(input_tokens=10**12, output_tokens=2, cache_read_tokens=1, reasoning_tokens=2))
@example(Usage(input_tokens=1, cache_read_tokens=1, cache_write_tokens=1))
# One for each condition, as chance seldom breaks a single one.
@example(Usage(input_tokens=2, cache_read_tokens=-1))
@example(Usage(input_tokens=2, cache_write_tokens=-1))
@example(Usage(input_tokens=10**12 + 1))
@example(Usage(input_tokens=-1))
@example(Usage(output_tokens=1, reasoning_tokens=-1))
@example(Usage(output_tokens=1, reasoning_tokens=2))
@example(Usage(output_tokens=10**12 + 1))
@example(Usage(reported_cost_usd=Decimal(0)))
@example(Usage(output_tokens=1, output_audio_tokens=1))
def test_an_ordinary_usage_is_one_without_fault_warning_and_rest(usage):
    event = made(usage=usage)
    fault, (_, warnings) = find_fault(event, Bounds.at(NOW, None)), check(usage)
    row = lay_out(event, Cost(None, None, None), 1)
    rest = row[USAGE_REST]
    assert is_ordinary(usage) == (fault is None and not warnings and rest is None)
    if is_ordinary(usage):
        assert lay_out(event, Cost(None, None, None), 1, rest=False) == row
