"""What events know by number, by name: projects, API keys, and the members whose keys these are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

NUMBERED: dict[str, str] = {"project": "project_id", "member": "api_key_id", "api_key": "api_key_id"}
"""Dimensions that are kept as numbers, to the columns that hold these: a name may change."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of some projects, of their keys and of the members who own them.

    A name that several keys or several members have is followed by the number that tells them apart: ``Ada (#7)``.

    Attributes
    ----------
    projects, api_keys : mapping of int to str
        Number to name.
    members : mapping of int to str
        Number of a key to the name of the member who owns it.
    member_ids : mapping of str to int
        Name of a member to the member's number.
    """

    projects: Mapping[int, str] = field(default_factory=dict)
    api_keys: Mapping[int, str] = field(default_factory=dict)
    members: Mapping[int, str] = field(default_factory=dict)
    member_ids: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, projects: Mapping[int, str], keys: Iterable[tuple[int, str, int, str]]) -> Names:
        """Make the names.

        Parameters
        ----------
        projects : mapping of int to str
        keys : iterable of (int, str, int, str)
            Each key's number and name, and those of the member who owns it.

        Examples
        --------
        >>> names = Names.of({1: "p"}, [(5, "notebook", 8, "Ada"), (6, "notebook", 9, "Bob")])
        >>> names.api_keys, names.members
        ({5: 'notebook (#5)', 6: 'notebook (#6)'}, {5: 'Ada', 6: 'Bob'})
        """
        known = list(keys)
        members = _told_apart({user: member for _, _, user, member in known})
        return cls(
            projects,
            _told_apart({key: name for key, name, _, _ in known}),
            {key: members[user] for key, _, user, _ in known},
            {name: user for user, name in members.items()},
        )

    def column(self, dimension: str) -> pl.Expr:
        """Return the column of a dimension of `NUMBERED`; null where nothing has the number."""
        known = self._known(dimension)
        named = pl.col(NUMBERED[dimension]).replace_strict(
            list(known), list(known.values()), default=None, return_dtype=pl.String
        )
        return named.alias(dimension)

    def numbers(self, dimension: str, names: Iterable[str] | None = None) -> list[int]:
        """Return the numbers that have one of the names; without names, all that have one at all."""
        wanted = None if names is None else set(names)
        return [number for number, name in self._known(dimension).items() if wanted is None or name in wanted]

    def __repr__(self) -> str:
        """Say all of it, in an order that does not depend on the database."""
        return repr([sorted(self._known(dimension).items()) for dimension in NUMBERED])

    def _known(self, dimension: str) -> Mapping[int, str]:
        return {"project": self.projects, "member": self.members, "api_key": self.api_keys}[dimension]


def _told_apart(names: Mapping[int, str]) -> dict[int, str]:
    often = Counter(names.values())
    return {number: name if often[name] == 1 else f"{name} (#{number})" for number, name in names.items()}
