"""Read fields out of a provider's response, whether it is a pydantic model, a plain object or a dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from operator import itemgetter
from typing import Any

Fields = Mapping[str, Any]
"""The fields of one object of a response, by the provider's names."""

NONE: Fields = {}
Place = str | tuple[str, ...]
Spots = dict[str, Any]


def fields(value: Any) -> Fields:
    """Return an object's fields by name, without copying where possible.

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


def plain(value: Any, spell: Callable[[str], str] = str) -> Any:
    """Turn objects, at any depth, into what JSON has: dicts without nulls, lists, and the values of enumerations.

    Parameters
    ----------
    value : object
        A pydantic model, or what such models, dicts and lists are made of.
    spell : callable
        Gives a field's name as it is to be.

    Examples
    --------
    >>> plain({"a": [{"b": None, "c": 1}]}, spell=str.upper)
    {'A': [{'C': 1}]}
    """
    if isinstance(value, list | tuple):
        return [plain(one, spell) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping) or hasattr(value, "__pydantic_fields__"):
        return {spell(name): plain(one, spell) for name, one in fields(value).items() if one is not None}
    return value


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

    __slots__ = ("_spots", "places")

    def __init__(self, **places: Place) -> None:
        self.places = places
        self._spots: Spots = {}
        for ours, theirs in places.items():
            for rank, path in enumerate((theirs,) if isinstance(theirs, str) else theirs):
                *sections, name = path.split(".")
                spots = self._spots
                for section in sections:
                    spots = spots.setdefault(section, {})
                before = spots.get(name)
                if before is None and rank == 0:
                    spots[name] = ours
                else:
                    earlier = ((0, before),) if isinstance(before, str) else before or ()
                    spots[name] = (*earlier, (rank, ours))

    def __call__(self, response: Fields) -> dict[str, Any]:
        """Return what is there; what is not there is not in the answer."""
        found: dict[str, Any] = {}
        later: list[tuple[int, str, Any]] = []
        _walk(self._spots, response, found, later)
        if later:
            for _, ours, value in sorted(later, key=itemgetter(0)):
                found.setdefault(ours, value)
        return found

    def names(self, section: str) -> dict[str, str]:
        """Return the provider's name -> ours for what is read of a section.

        Examples
        --------
        >>> Reader(input_tokens="usage.prompt_tokens", model="model").names("usage")
        {'prompt_tokens': 'input_tokens'}
        """
        places = {ours: (theirs,) if isinstance(theirs, str) else theirs for ours, theirs in self.places.items()}
        return {
            path.rpartition(".")[2]: ours
            for ours, paths in places.items()
            for path in paths
            if path.rpartition(".")[0] == section
        }

    def but(self, **places: Place) -> Reader:
        """Return a reader with these places replaced or added."""
        return Reader(**{**self.places, **places})


def _walk(spots: Spots, section: Any, found: dict[str, Any], later: list[tuple[int, str, Any]]) -> None:
    """Go through what a section has: most of what it might have is not there."""
    if type(section) is not dict:
        try:  # `fields`, inlined: every observed call passes here several times.
            known = section.__dict__
            section = fields(section) if section.__pydantic_extra__ else known
        except AttributeError:
            section = fields(section)
    for name, value in section.items():
        if value is not None and (spot := spots.get(name)) is not None:
            if type(spot) is str:
                found[spot] = value
            elif type(spot) is dict:
                _walk(spot, value, found, later)
            else:
                later.extend((rank, ours, value) for rank, ours in spot)
