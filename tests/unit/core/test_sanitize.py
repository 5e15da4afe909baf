from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core import sanitize
from tokenbudget.core.event import Event, decode, encode
from tokenbudget.core.limits import LARGEST_METADATA, LONGEST, LONGEST_RESPONSE_ID
from tokenbudget.core.sanitize import sanitized
from tokenbudget.core.usage import Pass, Usage


def made(**fields):
    return Event(
        **({"id": "", "occurred_at": datetime(2026, 11, 1, tzinfo=UTC), "provider": "p", "model": "m"} | fields)
    )


NAMED = [*LONGEST, "response_id"]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("bad", ["\ud83d", "\0"])
def test_a_character_that_cannot_be_stored_is_replaced_and_said(name, bad):
    event = sanitized(made(**{name: f"one{bad}two"}))
    assert getattr(event, name) == "one\ufffdtwo"
    assert event.warnings == (f"{name} had a character that cannot be stored",)
    assert decode(encode(event)) == event


@pytest.mark.parametrize("name", NAMED)
def test_a_text_that_is_too_long_is_cut_and_said(name):
    most = LONGEST.get(name, LONGEST_RESPONSE_ID)
    whole = made(**{name: "x" * most})
    assert sanitized(whole) is whole
    event = sanitized(made(**{name: "x" * (most + 1)}))
    assert getattr(event, name) == "x" * (most - 1) + "…"
    assert event.warnings == (f"{name} had {most + 1:,} characters, {most:,} are kept",)


@pytest.mark.parametrize(
    ("fields", "expected", "said"),
    [
        ({"tags": {"a": "b\0", "c": "d"}}, {"tags": {"a": "b\ufffd", "c": "d"}}, "tag a had a character"),
        ({"tags": {"a": "v" * 300}}, {"tags": {"a": "v" * 255 + "…"}}, "tag a had 300 characters, 256 are kept"),
        ({"tags": {"a\ud83d": "b"}}, {"tags": {"a_": "b"}}, "a tag key had a character"),
        ({"tags": {"a\0": "b", "a_": "c"}}, {"tags": {"a_": "c"}}, "a tag key had a character"),
        (
            {"metadata": {"k\0": "v\udfff", "n": 7}},
            {"metadata": {"k\ufffd": "v\ufffd", "n": 7}},
            "metadata k\ufffd had",
        ),
        ({"warnings": ("w\ud83d",)}, {}, "w\ufffd"),
        ({"usage": Usage(tools={"web\0": 1})}, {"usage": Usage(tools={"web\ufffd": 1})}, "usage.tools had a character"),
        (
            {"usage": Usage(units={"a\0": Decimal(1), "a\ud800": Decimal(2)})},
            {"usage": Usage(units={"a\ufffd": Decimal(3)})},
            "usage.units had a character",
        ),
        ({"usage": Usage(tools={"t" * 65: 1})}, {"usage": Usage(tools={"t" * 63 + "…": 1})}, "usage.tools had 65"),
        (
            {"usage": Usage(passes=(Pass(usage=Usage(tools={"t\0": 2}), model="m\ud83d", kind="k\0"),))},
            {"usage": Usage(passes=(Pass(usage=Usage(tools={"t\ufffd": 2}), model="m\ufffd", kind="k\ufffd"),))},
            "usage.passes.model had a character",
        ),
    ],
)
def test_what_is_inside_is_made_storable(fields, expected, said):
    event = sanitized(made(**fields))
    assert any(said in warning for warning in event.warnings)
    assert msgspec.structs.replace(event, warnings=()) == made(**expected)
    assert decode(encode(event)) == event
    assert sanitized(event) is event


def test_metadata_keeps_what_fits():
    notes = {f"note{number}": "x" * 600 for number in range(5)}
    assert sanitized(made(metadata=notes)).metadata == notes
    event = sanitized(made(metadata={"long": "x" * 5_000, "run": 7}))
    assert event.metadata == {"long": "x" * 511 + "…", "run": 7}
    many = {f"note{number}": "x" * 600 for number in range(20)}
    event = sanitized(made(metadata=many))
    assert 5 < len(event.metadata) < 10
    assert event.metadata.keys() <= many.keys()
    assert "are left out" in event.warnings[-1]


def test_warnings_keep_what_fits():
    event = sanitized(made(model="m\0", warnings=tuple(f"{number} {'w' * 600}" for number in range(30))))
    assert event.warnings[0] == "0 " + "w" * 509 + "…"
    assert event.warnings[-1].endswith("more warnings are left out")
    assert len(msgspec.json.encode(event.warnings)) <= LARGEST_METADATA


def test_what_was_sound_before_does_not_make_its_neighbour_sound():
    sound = {"requested_model": "r", "error_type": "e", "tags": {"feature": "chat", "env": "x" * 100}}
    event = made(**sound)
    assert sanitized(event) is event
    for fields in ({"requested_model": "r" * 257}, {"error_type": "e\0"}, {"tags": {"feature": "chat\0"}}):
        for _ in range(2):  # What is wrong is not remembered as sound.
            assert sanitized(made(**(sound | fields))).warnings


def test_long_tag_values_are_sound_one_by_one_even_if_together_they_are_long():
    event = made(tags={f"k{number}": "v" * 256 for number in range(20)})
    assert sanitized(event) is event


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(sanitize, "_MOST_REMEMBERED", 3)
    for number in range(10):
        sanitized(made(model=f"m{number}", tags={f"key{number}": ""}))
    assert len(sanitize._sound_texts) <= 3
    assert len(sanitize._sound_keys) <= 3


_TEXT = st.text(st.sampled_from("ab\0\ud83d\udc00é…\ufffd"), max_size=6) | st.sampled_from(["x" * 300, "é" * 3_000])
_USAGES = st.builds(
    Usage,
    tools=st.dictionaries(_TEXT, st.integers(0, 3), max_size=3),
    units=st.dictionaries(_TEXT, st.decimals(0, 3, places=2), max_size=3),
    passes=st.lists(st.builds(Pass, usage=st.just(Usage()), model=st.none() | _TEXT, kind=_TEXT), max_size=2).map(
        tuple
    ),
)


@given(
    texts=st.fixed_dictionaries(dict.fromkeys(NAMED, _TEXT)),
    tags=st.dictionaries(_TEXT, _TEXT, max_size=5),
    metadata=st.dictionaries(_TEXT, _TEXT | st.integers(0, 9) | st.none(), max_size=5),
    warnings=st.lists(_TEXT, max_size=5).map(tuple),
    usage=_USAGES,
)
def test_every_event_can_be_stored_then_and_stays_as_it_is(texts, tags, metadata, warnings, usage):
    event = sanitized(made(**texts, tags=tags, metadata=metadata, warnings=warnings, usage=usage))
    record = encode(event)
    assert decode(record) == event
    assert b"\\u0000" not in record
    assert sanitized(event) is event
    assert sum(event.usage.tools.values()) == sum(usage.tools.values())
    assert len(msgspec.json.encode(event.metadata)) <= LARGEST_METADATA
