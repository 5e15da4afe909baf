import types
from decimal import Decimal

import pydantic
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tokenbudget.capture.usage.builder import usage_of
from tokenbudget.capture.usage.fields import NONE, Reader, fields
from tokenbudget.core.usage import TOKEN_FIELDS, Pass, Usage, check


class Model(pydantic.BaseModel, extra="allow"):
    known: int = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (Model(), {"known": 1}),
        (Model(extra=2), {"known": 1, "extra": 2}),
        (Model.model_construct(extra=2), {"known": 1, "extra": 2}),
        (None, {}),
        ("text", {}),
        (3, {}),
        ([], {}),
    ],
)
def test_fields_of_whatever_a_client_returns(value, expected):
    assert dict(fields(value)) == expected


def test_the_first_place_that_is_there_counts():
    read = Reader(n=("a.b.c", "a.d", "e"))
    assert read({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"n": 1}
    assert read({"a": {"b": None, "d": 2}, "e": 3}) == {"n": 2}
    assert read({"a": None, "e": 0}) == {"n": 0}
    assert read({}) == read(NONE) == {}


def test_a_reader_can_be_changed():
    assert Reader(a="x", b="y").but(b="z.y", c="x")({"x": 1, "z": {"y": 2}}) == {"a": 1, "b": 2, "c": 1}


counts = st.dictionaries(st.sampled_from(TOKEN_FIELDS), st.integers(-5, 50))


@pytest.mark.parametrize("more", [{}, {"output_tokens": 0}, {"cache_read_tokens": 0, "tools": {}}])
def test_counts_of_nothing_at_all_are_not_stated(more):
    usage, warnings = usage_of({"input_tokens": 0, "model": "m", **more})
    assert usage.absent
    assert [warning.endswith("taken as not stated") for warning in warnings] == [True]


@pytest.mark.parametrize(
    "more", [{"output_tokens": 1}, {"units": {"pages": Decimal(1)}}, {"reported_cost_usd": Decimal(0)}]
)
def test_no_input_beside_something_that_is_billed_is_stated(more):
    usage, warnings = usage_of({"input_tokens": 0, "output_tokens": 0, **more})
    assert (usage.input_tokens, warnings) == (0, ())


@given(counts)
def test_the_quick_way_and_the_full_check_agree(found):
    assume(found.get("input_tokens") != 0 or any(found.values()))
    expected, warnings = check(Usage(**found))
    assert usage_of(dict(found)) == (expected, warnings)


def test_numbers_as_text_are_numbers():
    usage, _ = usage_of({"input_tokens": "12", "output_tokens": 3.0, "model": "m", "units": {"seconds": Decimal(1)}})
    assert usage == Usage(input_tokens=12, output_tokens=3, units={"seconds": Decimal(1)})
    assert type(usage.output_tokens) is int


def test_passes_that_contradict_themselves_are_clamped():
    one = Pass(usage=Usage(input_tokens=2, output_tokens=1, cache_read_tokens=9))
    usage, warnings = usage_of({"input_tokens": 2, "output_tokens": 1, "passes": (one,)})
    assert usage.passes[0].usage.cache_read_tokens == 2
    assert warnings == ("pass 0: cache_read_tokens 9 > input_tokens 2",)
