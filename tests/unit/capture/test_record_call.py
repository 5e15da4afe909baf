from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

import tokenbudget as tb
from tokenbudget.core.errors import TagError, UsageError
from tokenbudget.core.usage import Usage
from tokenbudget.testing import capture_events

EARLIEST = datetime.min.replace(tzinfo=timezone(timedelta(hours=3)))


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


def test_counts_may_come_out_of_a_frame(events):
    frame = pl.DataFrame({"input": [3], "output": [2.0]}).to_pandas()
    usage = {"input_tokens": frame["input"][0], "output_tokens": frame["output"][0], "reported_cost_usd": 0.1}
    tb.record(provider="openai", model="m", usage=usage)
    assert events[0].usage == Usage(input_tokens=3, output_tokens=2, reported_cost_usd=Decimal("0.1"))


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
        ({"status": "failed"}, UsageError, "status: Invalid enum value 'failed'"),
        ({"model": None}, UsageError, "model must be a name, got NoneType None"),
        ({"latency_ms": "12"}, UsageError, "Expected `float | null`, got `str`"),
        ({"metadata": {"a": object()}}, UsageError, "cannot be recorded: Encoding objects"),
        ({"provider": None}, UsageError, 'provider must be a name, got NoneType None; e.g. provider="openai"'),
        ({"provider": " "}, UsageError, "provider must be a name"),
        ({"usage": None}, UsageError, "usage must be a Usage or a mapping, got NoneType"),
        ({"usage": [1]}, UsageError, "usage must be a Usage or a mapping, got list"),
        ({"usage": {"reported_cost_usd": float("inf")}}, UsageError, "reported_cost_usd must be a number that can be"),
        ({"usage": {"reported_cost_usd": -1}}, UsageError, "reported_cost_usd must be a number that can be billed"),
        ({"usage": {"units": {"seconds": float("nan")}}}, UsageError, "seconds must be a number that can be billed"),
        ({"usage": {"input_tokens": 10**30}}, UsageError, "input_tokens must be a number that can be billed"),
        ({"usage": {"input_tokens": 2.5}}, UsageError, "Expected `int | null`, got `float`"),
        ({"occurred_at": "2026-01-01"}, UsageError, "occurred_at must be a datetime that says its time zone, got str"),
        ({"occurred_at": EARLIEST}, UsageError, "occurred_at must be a time that UTC has"),
        ({"latency_ms": -1}, UsageError, "latency_ms must be milliseconds, 0 or more, got int -1"),
        ({"latency_ms": float("nan")}, UsageError, "latency_ms must be milliseconds, 0 or more, got float nan"),
        ({"metadata": ["a"]}, UsageError, "metadata must be a mapping, got list"),
        ({"tags": ["a"]}, TagError, "tags must be a mapping such as {'feature': 'chat'}, got list"),
        ({"tags": {1: "a"}}, TagError, "tag key 1 must be"),
        ({"operation": 5}, UsageError, "operation: Expected `str`, got `int`"),
        ({"batch": 1}, UsageError, "batch: Expected `bool`, got `int`"),
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
