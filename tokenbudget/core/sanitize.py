"""Make the texts of an event storable: replace or cut those that are not, and add a warning to the event.

This runs for each event that is built or that a server receives, and nearly all need no change: a single check tells.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import accumulate, islice, takewhile
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from tokenbudget.core.event import Event, Scalar
from tokenbudget.core.limits import (
    LARGEST_METADATA,
    LONGEST,
    LONGEST_KIND,
    LONGEST_RESPONSE_ID,
    LONGEST_TAG_KEY,
    LONGEST_TAG_VALUE,
    REPLACEMENT,
    is_storable,
    storable,
)
from tokenbudget.core.usage import Pass, Usage

_MOST_REMEMBERED = 2_000
_LONGEST_WARNING = 512
_LONGEST_NOTE = 512
"""Characters that each metadata text keeps if the metadata is too large."""
_TEXTS = {**LONGEST, "response_id": LONGEST_RESPONSE_ID}
_texts = attrgetter(*LONGEST)
_json = msgspec.json.Encoder().encode
_sound_texts: set[tuple[str | None, ...]] = set()
_sound_keys: set[str] = set()
_IN_KEYS = str.maketrans(REPLACEMENT, "_")

Amount = TypeVar("Amount", bound=Any)


def sanitized(event: Event) -> Event:
    """Return the event with storable texts; the same object if nothing has to change.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> event = Event(id="", occurred_at=datetime(2026, 10, 5, tzinfo=UTC), provider="openai", model="m" * 300)
    >>> mended = sanitized(event)
    >>> len(mended.model), mended.warnings
    (256, ('model had 300 characters, 256 are kept',))
    """
    if _is_sound(event):
        return event
    said: list[str] = []
    changes: dict[str, Any] = {
        name: _text(name, text, most, said)
        for name, most in _TEXTS.items()
        if isinstance(text := getattr(event, name), str)
    }
    changes["usage"] = _usage(event.usage, said)
    changes["tags"] = _tags(event.tags, said)
    changes["metadata"] = _metadata(event.metadata, said)
    changes["warnings"] = _warnings((*event.warnings, *said))
    return msgspec.structs.replace(event, **changes)


def replaced(name: str) -> str:
    """Return the warning for a text in which a character was replaced."""
    return f"{name} had a character that cannot be stored"


def _is_sound(event: Event) -> bool:
    response_id, tags, usage = event.response_id, event.tags, event.usage
    return (
        ((texts := _texts(event)) in _sound_texts or _are_texts_sound(texts))
        and (response_id is None or _fits(response_id, LONGEST_RESPONSE_ID))
        and (not tags or _are_tags_sound(tags))
        and (not event.metadata or _is_json_sound(event.metadata))
        and (not event.warnings or _is_json_sound(event.warnings))
        and (not (usage.tools or usage.units or usage.passes) or all(_fits(*name) for name in _names(usage)))
    )


def _fits(text: str, most: int) -> bool:
    # `is_storable` for nearly every text, without asking it.
    return len(text) <= most and "\0" not in text and (text.isascii() or is_storable(text))


def _are_texts_sound(texts: tuple[str | None, ...]) -> bool:
    if not all(text is None or _fits(text, most) for text, most in zip(texts, LONGEST.values(), strict=True)):
        return False
    _remember(texts, _sound_texts)
    return True


def _are_tags_sound(tags: Mapping[str, str]) -> bool:
    values = tags.values()
    if not _fits("".join(values), LONGEST_TAG_VALUE) and not all(_fits(value, LONGEST_TAG_VALUE) for value in values):
        return False
    if not tags.keys() <= _sound_keys:
        if not all(is_storable(key) and REPLACEMENT not in key for key in tags):
            return False  # A key has letters, digits and four signs only.
        for key in tags:
            if len(key) <= LONGEST_TAG_KEY:  # What is remembered is small: whoever sends events chooses it.
                _remember(key, _sound_keys)
    return True


def _remember(known: Hashable, memory: set[Any]) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory.add(known)


def _is_json_sound(value: Mapping[str, Scalar] | tuple[str, ...]) -> bool:
    texts = (*value, *value.values()) if isinstance(value, Mapping) else value
    return all(is_storable(text) for text in texts if isinstance(text, str)) and len(_json(value)) <= LARGEST_METADATA


def _names(usage: Usage) -> Iterator[tuple[str, int]]:
    """Return the names in a usage, each with its maximum length."""
    for name in (*usage.tools, *usage.units):
        yield name, LONGEST_KIND
    for one in usage.passes:
        yield one.kind, LONGEST_KIND
        if one.model is not None:
            yield one.model, LONGEST["model"]
        yield from _names(one.usage)


def _text(name: str, text: str, most: int, said: list[str]) -> str:
    """Return a storable text, and note what was changed."""
    if not is_storable(text):
        said.append(replaced(name))
    if len(text) > most:
        said.append(f"{name} had {len(text):,} characters, {most:,} are kept")
    return storable(text, most)


def _usage(usage: Usage, said: list[str]) -> Usage:
    if all(_fits(*name) for name in _names(usage)):
        return usage
    tools, units = _amounts("usage.tools", usage.tools, said), _amounts("usage.units", usage.units, said)
    passes = tuple(_pass(one, said) for one in usage.passes)
    return msgspec.structs.replace(usage, tools=tools, units=units, passes=passes)


def _pass(one: Pass, said: list[str]) -> Pass:
    kind = _text("usage.passes.kind", one.kind, LONGEST_KIND, said)
    model = None if one.model is None else _text("usage.passes.model", one.model, LONGEST["model"], said)
    return msgspec.structs.replace(one, usage=_usage(one.usage, said), kind=kind, model=model)


def _amounts(name: str, amounts: Mapping[str, Amount], said: list[str]) -> dict[str, Amount]:
    """Return amounts by storable names; amounts whose names become equal are added up."""
    kept: dict[str, Amount] = {}
    for kind, amount in amounts.items():
        mended = _text(name, kind, LONGEST_KIND, said)
        kept[mended] = kept[mended] + amount if mended in kept else amount
    return kept


def _tags(tags: Mapping[str, str], said: list[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in tags.items():
        mended = _text("a tag key", key, LONGEST_TAG_VALUE, said).translate(_IN_KEYS)
        if mended == key or mended not in tags:
            kept.setdefault(mended, _text(f"tag {mended}", value, LONGEST_TAG_VALUE, said))
    return kept


def _metadata(metadata: Mapping[str, Scalar], said: list[str]) -> dict[str, Scalar]:
    notes = {storable(key, LARGEST_METADATA): _shortened(value) for key, value in metadata.items()}
    most = LARGEST_METADATA if len(_json(notes)) <= LARGEST_METADATA else _LONGEST_NOTE
    kept: dict[str, Scalar] = {}
    for key, value in metadata.items():
        mended = _text("a key of metadata", key, LARGEST_METADATA, said)
        kept[mended] = _text(f"metadata {mended}", value, most, said) if isinstance(value, str) else value
    sizes = (len(_json(key)) + len(":") + len(_json(value)) + len(",") for key, value in kept.items())
    count = _count_fitting(sizes, LARGEST_METADATA - len("{}") + len(","))
    if count < len(kept):
        left_out = len(kept) - count
        said.append(f"metadata was more than {LARGEST_METADATA:,} bytes of JSON: its last {left_out:,} are left out")
    return dict(islice(kept.items(), count))


def _shortened(value: Scalar) -> Scalar:
    """Return a value of the metadata; of a text that is too long by itself, no more than shows that it is."""
    return storable(value, LARGEST_METADATA + 1) if isinstance(value, str) else value


def _count_fitting(sizes: Iterable[int], room: int) -> int:
    """Count how many of several, from the first on, fit into a room together."""
    return sum(1 for _ in takewhile(lambda size: size <= room, accumulate(sizes)))


def _warnings(warnings: tuple[str, ...]) -> tuple[str, ...]:
    kept = list(dict.fromkeys(storable(warning, _LONGEST_WARNING) for warning in warnings))
    size, left_out = sum(map(_size_in_list, kept)), 0
    while size + sum(map(_size_in_list, _more(left_out))) > LARGEST_METADATA - len("[]") + len(","):
        size -= _size_in_list(kept.pop())
        left_out += 1
    return (*kept, *_more(left_out))


def _size_in_list(text: str) -> int:
    return len(_json(text)) + len(",")


def _more(left_out: int) -> tuple[str, ...]:
    return (f"{left_out:,} more warnings are left out",) if left_out else ()
