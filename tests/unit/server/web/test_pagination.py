import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget_server.analytics.events import EVENTS
from tokenbudget_server.web.errors import CursorError
from tokenbudget_server.web.pagination import Id, Keyset

NUMBERS = Keyset("numbers", tuple[Id], lambda number: (number,))
OTHERS = Keyset("others", tuple[Id], lambda number: (number,))
UID = UUID("01a21e1a-a84a-78db-8a3c-5e5f5f5f5f5f")
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def raw(*parts):
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(parts)).decode().rstrip("=")


@given(st.sets(st.integers(1, 2**63 - 1), max_size=30), st.integers(1, 10))
def test_pages_hold_every_row_once_and_in_order(numbers, limit):
    listed, cursor = [], None
    while cursor is not None or not listed:
        page = NUMBERS.page(NUMBERS.after(numbers, cursor), limit)
        assert len(page.rows) == limit or page.next is None
        listed += page.rows
        if (cursor := page.next) is None:
            break
    assert listed == sorted(numbers)


def test_a_row_that_is_added_or_removed_meanwhile_moves_no_page():
    first = NUMBERS.page(NUMBERS.after([10, 20, 30, 40], None), 2)
    assert list(NUMBERS.after([5, 10, 25, 40], first.next)) == [25, 40]


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.uuids(),
)
def test_a_position_comes_back_as_it_was(when, id_):
    assert EVENTS.read(EVENTS.write((when, id_))) == (when, id_)


def test_a_time_of_another_zone_is_the_same_position():
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert EVENTS.write((there, UID)) == EVENTS.write((NOON, UID))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "nonsense",
        "\0",
        "٣",
        "=" * 4,
        "A" * 100_000,
        OTHERS.write((7,)),
        NUMBERS.write((7,)) + "=",
        NUMBERS.write((7,)) + "\n",
        NUMBERS.write((7,))[:-1],
        raw(1, "numbers", [0]),
        raw(1, "numbers", [2**63]),
        raw(1, "numbers", ["7"]),
        raw(1, "numbers", [7, 8]),
        raw(1, "numbers", []),
        raw(2, "numbers", [7]),
        raw(1, "numbers", [7], 1),
        raw(1, "numbers", [True]),
    ],
)
def test_a_cursor_that_was_made_by_hand_is_refused(cursor):
    assert NUMBERS.read(raw(1, "numbers", [7])) == (7,)
    with pytest.raises(CursorError, match="start without"):
        NUMBERS.read(cursor)


@pytest.mark.parametrize(
    "when",
    [
        NOON.replace(tzinfo=None),
        "2026-11-27T12:00:00Z",
        "2026-11-27T12:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        msgspec.msgpack.Ext(-1, b"\x00" * 4 + (2**63 - 1).to_bytes(8, "big")),
    ],
)
def test_a_time_that_was_made_by_hand_is_refused(when):
    with pytest.raises(CursorError):
        EVENTS.read(raw(1, "events", [when, str(UID)]))


@pytest.mark.parametrize("id_", [str(UID).upper(), UID.hex, UID.bytes, "7"])
def test_an_id_that_was_made_by_hand_is_refused(id_):
    with pytest.raises(CursorError):
        EVENTS.read(raw(1, "events", [NOON, id_]))
