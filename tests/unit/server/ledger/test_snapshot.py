"""Days whose totals by tag lie in files of their own give the answers that their events give, and do not read these."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.unit.ledger.generate import ODD_TAGS, START
from tests.unit.ledger.generate import events as any_events
from tokenbudget import analytics
from tokenbudget.analytics import cubes, tag_cubes
from tokenbudget.core.event import Event
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import to_frame
from tokenbudget_server.ledger import LedgerSnapshot
from tokenbudget_server.ledger.display_names import Names
from tokenbudget_server.ledger.files import DayFiles
from tokenbudget_server.ledger.queries import TYPES, Version
from tokenbudget_server.ledger.storage import Directory

NOW = datetime(2026, 4, 20, 9, 41, tzinfo=UTC)
NAMES = Names.of({1: "one", 2: "two"}, [(7, "notebook", 3, "Ada")])
TAGS = ["feature", "user_id", *ODD_TAGS]
MARCH = parse("2026-03", NOW)


@st.composite
def events(draw):
    """Few days, and few values of each tag, so that there are groups; one value is named like the row of the rest."""
    tags = draw(st.dictionaries(st.sampled_from(TAGS), st.sampled_from(["a", "b", "other"]), min_size=1, max_size=4))
    at = START + timedelta(minutes=draw(st.integers(0, 4 * 24 * 60 - 1)))
    return draw(st.sampled_from([1, 2])), msgspec.structs.replace(draw(any_events()), occurred_at=at, tags=tags)


def days_of(made):
    """Return the frame of each project's day, as the server reads it."""
    days = {}
    for project, event in made:
        days.setdefault((project, event.occurred_at.date()), []).append(event)
    numbers = {"api_key_id": pl.lit(7, pl.Int64)}
    return {
        day: to_frame(some).drop("project").with_columns(project_id=pl.lit(day[0], pl.Int64), **numbers)
        for day, some in days.items()
    }


def moments(directory, made, without=()):
    """Return the same days in memory, and in files but for those on some dates."""
    frames = days_of(made)
    versions = {day: Version(frame.height, 1, "0") for day, frame in frames.items()}
    files = DayFiles(Directory(Path(directory)))
    sealed = {day: files.write(day, versions[day], frames[day], 0) for day in frames if day[1] not in without}
    still_open = {day: frame for day, frame in frames.items() if day not in sealed}
    return LedgerSnapshot(NAMES, versions, frames, {}), LedgerSnapshot(NAMES, versions, still_open, sealed), sealed


def used(user, at=START, **tags):
    return 1, Event(id=str(user), occurred_at=at, provider="p", model="m", tags={"user_id": f"u{user}", **tags})


@settings(max_examples=80, deadline=None)
@given(
    made=st.lists(events(), max_size=30),
    without=st.lists(st.integers(1, 4).map(lambda day: date(2026, 3, day)), max_size=1),
    bounds=st.tuples(st.sampled_from([0, 2]), st.sampled_from([0.1, 1])),
    period=st.sampled_from([("2026-03", "UTC"), ("2026-03-02..2026-03-03", "UTC"), ("2026-03", "Asia/Kathmandu")]),
    dimensions=st.sampled_from(
        [
            ("user_id",),
            ("project", "user_id"),
            ("tag.status",),
            ("tag.limit", "project"),
            ("x:y-Z_0.1",),
            ("user_id", "tag.member"),
            ("team.name", "model"),
            ("nobody_sets_it",),
        ]
    ),
    interval=st.sampled_from(["hour", "day"]),
    filters=st.sampled_from(
        [
            {},
            {},
            {"user_id": ("a", "")},
            {"tag.status": ("b",)},
            {"project": ("two",)},
            {"project": ("one",), "user_id": ("", "other")},
            {"member": ("Ada",)},
            {"model": ("gpt-4o",)},
        ]
    ),
    limit=st.sampled_from([None, 1, 2]),
)
def test_days_with_tag_cubes_and_events_give_the_same_answers(
    made, without, bounds, period, dimensions, interval, filters, limit
):
    query = Query(
        period=parse(period[0], NOW, period[1]), by=dimensions, filters=filters, interval=interval, limit=limit
    )
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cubes, "MOST_TAG_VALUES", bounds[0])
        patch.setattr(tag_cubes, "EVENTS_PER_ROW", bounds[1])
        plain, cubed, _ = moments(directory, made, without)
        for ask in (analytics.summary, analytics.by, analytics.timeseries):
            assert_frame_equal(ask(plain, query), ask(cubed, query), check_exact=True)


@pytest.fixture
def busy(tmp_path, monkeypatch):
    """Two days of many users and customers, whose events cannot be read any more."""
    monkeypatch.setattr(cubes, "MOST_TAG_VALUES", 3)
    made = [used(n % 5, START + timedelta(hours=n % 48), customer=f"c{n % 4}") for n in range(192)]
    plain, cubed, sealed = moments(tmp_path, made)
    for day in sealed.values():
        assert day.tags == {"tag_user_id", "tag_customer"}
        Path(day.path).unlink()
    return plain, cubed


@pytest.mark.parametrize(
    "asked",
    [
        {"by": ("user_id",)},
        {"by": ("project", "user_id"), "limit": 2},
        {"by": ("user_id",), "filters": {"project": ("one",), "user_id": ("u1", "u2")}},
        {"filters": {"user_id": ("u1", "")}},
        {"by": ("user_id", "nobody_sets_it")},
    ],
)
def test_questions_about_one_varied_tag_read_no_event(busy, asked):
    plain, cubed = busy
    query = Query(period=MARCH, interval="day", **asked)
    for ask in (analytics.summary, analytics.timeseries, *([analytics.by] if "by" in asked else [])):
        assert_frame_equal(ask(plain, query), ask(cubed, query), check_exact=True)


@pytest.mark.parametrize(
    "asked",
    [
        {"by": ("user_id", "model")},
        {"by": ("user_id", "customer")},
        {"by": ("customer",), "filters": {"user_id": ("u1",)}},
        {"by": ("user_id",), "filters": {"member": ("Ada",)}},
        {"by": ("user_id",), "interval": "hour"},
    ],
)
def test_what_else_is_asked_is_read_from_events(busy, asked):
    with pytest.raises(FileNotFoundError):
        analytics.timeseries(busy[1], Query(period=MARCH, **({"interval": "day"} | asked)))


def frame_of(values):
    """Return a day of 800 events whose tags have as many values as said."""
    tags = {f"tag_{name}": pl.int_range(800).mod(count).cast(pl.String) for name, count in values.items()}
    rest = {name: pl.lit(None, dtype) for name, dtype in TYPES.items()}
    return pl.select(pl.int_range(800).alias("n")).select(**(rest | {"project_id": pl.lit(1, pl.Int64)}), **tags)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"a": 100}, {"tag_a"}),
        ({"a": 101}, set()),
        ({"a": 60, "b": 40}, {"tag_a", "tag_b"}),
        ({"a": 60, "b": 41}, {"tag_b"}),
        ({"in_the_cube": 5, "a": 100}, {"tag_a"}),
        ({}, set()),
    ],
)
def test_all_tag_cubes_of_a_day_have_at_most_a_row_to_eight_events(values, kept):
    found = tag_cubes.build(frame_of(values), START, ["project_id"], without=["tag_in_the_cube"])
    assert tag_cubes.tags(found) == kept
    assert found.height <= 100


def test_days_of_one_tag_in_the_cube_and_in_a_file_are_added_up(tmp_path):
    few = [used(n % 2, START) for n in range(600)]
    many = [used(n % 300, START + timedelta(days=1)) for n in range(3_000)]
    plain, cubed, sealed = moments(tmp_path, [*few, *many])
    assert [set(sealed[day].tags) for day in sorted(sealed)] == [set(), {"tag_user_id"}]
    query = Query(period=MARCH, by=("user_id",), limit=7)
    assert_frame_equal(analytics.by(plain, query), analytics.by(cubed, query), check_exact=True)


def test_totals_by_tag_that_are_lost_are_built_again(tmp_path):
    _, _, sealed = moments(tmp_path, [used(n % 300) for n in range(3_000)])
    ((day, written),) = sealed.items()
    content = Path(written.tags_path).read_bytes()
    Path(written.tags_path).unlink()
    assert not written.is_there
    found = DayFiles(Directory(tmp_path)).find({day: Version(3_000, 1, "0")})[day]
    assert found.is_there
    assert found.tags == written.tags
    assert Path(found.tags_path).read_bytes() == content


def test_where_totals_by_tag_cannot_be_kept_events_are_read(tmp_path, monkeypatch):
    plain, _, sealed = moments(tmp_path, [used(n % 300) for n in range(3_000)])
    ((day, written),) = sealed.items()
    Path(written.tags_path).unlink()

    def put(self, name, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Directory, "put", put)
    version = Version(3_000, 1, "0")
    found = DayFiles(Directory(tmp_path)).find({day: version})
    assert found[day].tags == frozenset()
    query = Query(period=MARCH, by=("user_id",))
    expected = analytics.by(plain, query)
    assert_frame_equal(
        expected, analytics.by(LedgerSnapshot(NAMES, {day: version}, {}, found), query), check_exact=True
    )
