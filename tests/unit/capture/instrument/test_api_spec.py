"""What an API that is derived from another takes along, and what it leaves behind."""

from dataclasses import replace

import pytest

from tokenbudget.capture.instrument.api_spec import Api, ignore, never, unknown_size
from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.usage.fields import Reader

READ = Reader(model="model")
CHAT = Api(operation="chat", read=READ, accumulate=accumulators.chat, ask_for_usage=True).with_fast_paths(
    lambda read: lambda _: {"table": read}, accumulators.chat_text_size
)


@pytest.mark.parametrize("copy", [Api.derive, replace])
@pytest.mark.parametrize(
    "changes",
    [
        {"read": Reader(model="modelVersion")},
        {"rules": (lambda *_: None,)},
        {"operation": "completions"},
        {"ask_for_usage": False},
        {},
    ],
)
def test_a_fast_reader_is_never_inherited(copy, changes):
    assert CHAT.fast_reader(None) == {"table": READ}
    derived = copy(CHAT, **changes)
    assert derived.fast_reader is never
    assert {name: getattr(derived, name) for name in changes} == changes


@pytest.mark.parametrize(
    ("changes", "text_size"),
    [
        ({"read": Reader()}, accumulators.chat_text_size),
        ({"accumulate": accumulators.chat}, accumulators.chat_text_size),
        ({"accumulate": accumulators.messages}, unknown_size),
        ({"accumulate": ignore}, unknown_size),
    ],
)
def test_the_size_of_text_stays_with_its_accumulator(changes, text_size):
    assert CHAT.derive(**changes).text_size is text_size


@pytest.mark.parametrize("quick", [{"fast_reader": CHAT.fast_reader}, {"text_size": CHAT.text_size}])
def test_fast_paths_are_declared_beside_what_they_stand_for(quick):
    with pytest.raises(TypeError):
        Api(operation="chat", read=READ, **quick)
    with pytest.raises(ValueError, match="init=False"):
        CHAT.derive(**quick)


def test_each_fast_path_can_be_added_by_itself():
    api = CHAT.with_fast_paths(text_size=unknown_size)
    assert (api.fast_reader, api.text_size) == (CHAT.fast_reader, unknown_size)
    assert (CHAT.operation, CHAT.text_size) == ("chat", accumulators.chat_text_size)
