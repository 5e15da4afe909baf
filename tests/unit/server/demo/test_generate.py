from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from tokenbudget.core.event import decode, encode
from tokenbudget.core.ids import uuid7_unix_ms
from tokenbudget_server.demo.generate import RUNAWAY_DAY, day_of_usage
from tokenbudget_server.ingest.validate import Bounds, find_fault

FIRST = date(2026, 8, 3)  # A Monday.
BOUNDS = Bounds(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def usage(number):
    return list(day_of_usage(FIRST + timedelta(days=number), FIRST))


def test_a_day_is_the_same_whenever_it_is_made_up():
    assert usage(3) == usage(3)
    assert usage(3) != usage(4)


@pytest.mark.parametrize("number", [0, 5, RUNAWAY_DAY])
def test_the_events_are_ones_that_the_server_takes(number):
    day = FIRST + timedelta(days=number)
    events = usage(number)
    assert [find_fault(event, BOUNDS) for event in events] == [None] * len(events)
    assert {event.occurred_at.date() for event in events} == {day}
    assert len({event.id for event in events}) == len(events)
    assert decode(encode(events[0])) == events[0]
    assert uuid7_unix_ms(events[0].id) == int(events[0].occurred_at.timestamp() * 1000)


def test_it_looks_like_life():
    monday, saturday, later = usage(0), usage(5), usage(70)
    assert len(saturday) < len(monday) / 1.8
    assert len(later) > len(monday) * 1.4
    hours = Counter(event.occurred_at.hour for event in later)
    assert hours[15] > hours[22]
    assert {event.status for event in later} == {"ok", "error", "aborted"}
    assert len({event.model for event in later}) > len({event.model for event in monday})
    runaway = Counter(event.tags["feature"] for event in usage(RUNAWAY_DAY))
    assert runaway["research-agent"] > 10 * Counter(event.tags["feature"] for event in later)["research-agent"] / 2
