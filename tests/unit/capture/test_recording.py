from datetime import UTC, datetime
from decimal import Decimal

import pytest

import tokenbudget as tb
from tokenbudget.core.errors import TagError, UsageError
from tokenbudget.core.usage import Usage
from tokenbudget.testing import capture_events


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured


def test_a_call_of_ones_own(events):
    when = datetime(2026, 10, 1, 12, tzinfo=UTC)
    with tb.tags(feature="f"):
        tb.record(
            provider="aws.bedrock",
            model="m",
            usage={"input_tokens": 3, "output_tokens": 2, "tools": {"web_search": 1}, "reported_cost_usd": 0.1},
            tags={"user_id": 7},
            occurred_at=when,
            latency_ms=12.5,
            metadata={"run": 1},
        )
    (event,) = events
    assert (event.provider, event.occurred_at, event.cost_usd) == ("bedrock", when, Decimal("0.1"))
    assert (event.tags, event.metadata) == ({"feature": "f", "user_id": "7"}, {"run": 1})


def test_contradictions_are_marked(events):
    tb.record(provider="openai", model="m", usage=Usage(input_tokens=1, output_tokens=1, reasoning_tokens=2))
    assert events[0].warnings == ("reasoning_tokens 2 > output_tokens 1",)


def test_a_response_is_recorded_once(events):
    for _ in range(2):
        tb.record(provider="openai", model="m", usage={}, response_id="resp_once")
    assert len(events) == 1


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"usage": {"prompt_tokens": 1}}, UsageError, "no field 'prompt_tokens'; it has input_tokens, output_tokens"),
        ({"usage": {"input_tokens": "many"}}, UsageError, "Expected `int | null`, got `str`"),
        ({"occurred_at": datetime(2026, 1, 1)}, UsageError, "time zone"),  # noqa: DTZ001
        ({"tags": {"a b": 1}}, TagError, "tag key 'a b'"),
        ({"status": "failed"}, UsageError, "Invalid enum value 'failed' - at `\\$.status`"),
        ({"model": None}, UsageError, "Expected `str`, got `null` - at `\\$.model`"),
        ({"latency_ms": "12"}, UsageError, "Expected `float | null`, got `str`"),
        ({"metadata": {"a": object()}}, UsageError, "cannot be recorded: Encoding objects"),
        ({"model": "\udcff"}, UsageError, "cannot be recorded"),
    ],
)
def test_what_is_wrong_is_said(events, changes, error, says):
    changes = {"response_id": f"resp of {says}"} | changes
    with pytest.raises(error, match=says):
        tb.record(**{"provider": "openai", "model": "m", "usage": {}} | changes)
    assert events == []
    tb.record(provider="openai", model="m", usage={}, response_id=changes["response_id"])
    assert len(events) == 1


def test_capture_events_nests_and_restores():
    with capture_events() as outer:
        with capture_events() as inner:
            tb.record(provider="openai", model="m", usage={})
        tb.record(provider="openai", model="m", usage={})
    assert (len(outer), len(inner)) == (1, 1)
