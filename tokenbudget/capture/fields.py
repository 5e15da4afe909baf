"""Read fields out of a provider's response, whether it is a pydantic model, a plain object or a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Fields = Mapping[str, Any]
"""The fields of one object of a response, by the provider's names."""

NONE: Fields = {}
Place = str | tuple[str, ...]


def fields(value: Any) -> Fields:
    """Give an object's fields by name, without copying where possible.

    Examples
    --------
    >>> fields({"a": 1})["a"]
    1
    >>> fields(None)
    {}
    """
    if type(value) is dict:
        return value
    try:
        known: Fields = value.__dict__
    except AttributeError:
        return value if isinstance(value, Mapping) else NONE
    # Read from the class's slot: models made without validation may not have it set.
    extra = getattr(value, "__pydantic_extra__", None)
    return {**known, **extra} if extra else known


class Reader:
    """A table of our name -> where it is in the response, compiled once.

    Parameters
    ----------
    **places : str or tuple of str
        Dotted path from the root of the response; of several, the first that is there (not null) counts.

    Examples
    --------
    >>> read = Reader(model="model", input_tokens="usage.prompt_tokens", cache_read_tokens=("usage.a", "usage.b.c"))
    >>> read({"model": "m", "usage": {"prompt_tokens": 3, "a": None, "b": {"c": 2}}})
    {'model': 'm', 'input_tokens': 3, 'cache_read_tokens': 2}
    """

    __slots__ = ("_others", "_rows", "_sections", "places")

    def __init__(self, **places: Place) -> None:
        self.places = places
        indices: dict[str, int] = {"": 0}
        sections: list[tuple[int, str]] = []

        def locate(path: str) -> tuple[int, str]:
            above, _, name = path.rpartition(".")
            if above not in indices:
                sections.append(locate(above))
                indices[above] = len(sections)
            return indices[above], name

        rows: dict[int, list[tuple[str, str]]] = {}
        others: list[tuple[str, int, str]] = []
        for ours, theirs in places.items():
            first, *rest = (theirs,) if isinstance(theirs, str) else theirs
            index, name = locate(first)
            rows.setdefault(index, []).append((ours, name))
            others.extend((ours, *locate(path)) for path in rest)
        self._sections = tuple(sections)
        self._rows = tuple((index, tuple(names)) for index, names in rows.items())
        self._others = tuple(others)

    def __call__(self, response: Fields) -> dict[str, Any]:
        """Give what is there; what is not there is not in the answer."""
        sections = [response]
        for above, name in self._sections:
            inner = sections[above].get(name)
            sections.append(NONE if inner is None else fields(inner))
        found: dict[str, Any] = {}
        for index, names in self._rows:
            if section := sections[index]:
                for ours, name in names:
                    value = section.get(name)
                    if value is not None:
                        found[ours] = value
        for ours, index, name in self._others:
            if ours not in found:
                value = sections[index].get(name)
                if value is not None:
                    found[ours] = value
        return found

    def but(self, **places: Place) -> Reader:
        """Give a reader with these places replaced or added."""
        return Reader(**{**self.places, **places})


def count_types(items: Iterable[Any] | None) -> dict[str, int]:
    """Count the ``type`` of each item.

    Examples
    --------
    >>> count_types([{"type": "message"}, {"type": "message"}])
    {'message': 2}
    """
    counts: dict[str, int] = {}
    for item in items or ():
        name = fields(item).get("type")
        if isinstance(name, str):
            counts[name] = counts.get(name, 0) + 1
    return counts
