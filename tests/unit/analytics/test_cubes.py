from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.unit.ledger.generate import START, FrameSource, events
from tokenbudget.analytics import by, cubes, summary, timeseries
from tokenbudget.core.period import parse
from tokenbudget.core.query import DIMENSIONS, Query
from tokenbudget.ledger.schema import to_frame

NOW = datetime(2026, 4, 20, 9, 41, tzinfo=UTC)
DAY = timedelta(days=1)


class CubedSource(FrameSource):
    """A source with a cube of every day but some."""

    def __init__(self, made, without=()):
        super().__init__(made)
        self.made, self.without, self.scans = made, without, []

    def scan(self, start, end, columns=None):
        self.scans.append((start, end))
        return super().scan(start, end, columns)

    def cubes(self, spans, columns, kind="totals"):
        days = [start + DAY * n for start, end in spans for n in range((end - start) // DAY)]
        ready = {day: self._cube(day) for day in days if day not in self.without}
        ready = {
            day: cube for day, cube in ready.items() if all(cubes.tells_apart(cube, kind, name) for name in columns)
        }
        rest = [(day, day + DAY) for day in days if day not in ready]
        whole = cubes.of_kind(pl.concat(ready.values(), how="diagonal"), kind).lazy() if ready else None
        return whole, rest

    def _cube(self, day):
        tags = sorted({f"tag_{key}" for event in self.made for key in event.tags} | {"tag_feature", "tag_user_id"})
        found = FrameSource.scan(self, day, day + DAY, [*to_frame([]).columns, *tags]).collect()
        return cubes.build(found, day)


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(events(), max_size=30),
    without=st.lists(st.integers(0, 60).map(lambda n: START + DAY * n), max_size=5),
    period=st.sampled_from(["24h", "7d", "30d", "2026-03", "2026-03-08..2026-04-26", "ytd"]),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    dimensions=st.sampled_from([("model",), ("unpriced", "feature"), ("feature",), ("team.name", "status")]),
    interval=st.sampled_from(["hour", "day", "week", "month"]),
    filters=st.sampled_from([{}, {"status": ("ok",)}, {"feature": ("",), "model": ("gpt-4o", "other")}]),
)
def test_cubes_and_events_give_the_same_answers(made, without, period, tz, dimensions, interval, filters):
    query = Query(period=parse(period, NOW, tz), by=dimensions, interval=interval, filters=filters)
    plain, cubed = FrameSource(made), CubedSource(made, without)
    for ask in (summary, by, timeseries):
        assert_frame_equal(ask(plain, query), ask(cubed, query), check_exact=True)


@pytest.mark.parametrize(
    ("interval", "tz", "reads"), [("day", "UTC", 0), ("day", "Asia/Kolkata", 1), ("hour", "UTC", 1)]
)
def test_events_are_read_only_where_a_bucket_cuts_a_day(interval, tz, reads):
    source = CubedSource([])
    timeseries(source, Query(period=parse("2026-03", NOW, tz), interval=interval))
    assert len(source.scans) == reads


def test_tags_of_many_values_stay_out():
    frame = pl.DataFrame({name: ["x"] * 4_000 for name in DIMENSIONS}).with_columns(
        tag_few=pl.int_range(4_000).mod(5).cast(pl.String), tag_many=pl.int_range(4_000).cast(pl.String)
    )
    frame = pl.concat([to_frame([]), frame], how="diagonal")
    cube = cubes.build(frame, START)
    assert cubes.of_kind(cube, "totals").height == 5
    assert "tag_many" not in cube.columns
    assert cubes.of_kind(cube, "bins").height == 1
