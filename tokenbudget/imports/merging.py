"""Several tellings of one call are one call: what each knows more is kept, whatever their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from tokenbudget.imports.agent import Agent, Call
from tokenbudget.imports.events import size_of

_Told = tuple[Agent, str, Call]


def merged(one: Call, other: Call) -> Call:
    """Return a call that was told twice: the usage of the larger, time and place of the first that was no side one."""
    first, second = sorted((one, other), key=_precedence)
    largest = max((first, second), key=size_of)
    return replace(
        first,
        at=min(one.at, other.at),
        found=largest.found,
        model=largest.model,
        request_id=first.request_id or second.request_id,
        billing=first.billing or second.billing,
    )


def without_replays(told: Iterable[_Told]) -> list[_Told]:
    """Return calls with each that a side conversation replays folded into the one that it is."""
    alone: list[_Told] = []
    groups: defaultdict[tuple[str, str], list[_Told]] = defaultdict(list)
    for one in told:
        agent, _, call = one
        if call.group:
            groups[agent.name, call.group].append(one)
        else:
            alone.append(one)
    for group in groups.values():
        alone += group if len(group) == 1 else _folded(group)
    return alone


def _folded(group: list[_Told]) -> list[_Told]:
    ordered = sorted(group, key=lambda told: _precedence(told[2]))
    own = [told for told in ordered if not told[2].is_side] or ordered[:1]
    agent, home, first = own[0]
    for _, _, call in ordered:
        if call.is_side and call is not first:
            first = merged(first, call)
    return [(agent, home, first), *own[1:]]


def _precedence(call: Call) -> tuple[bool, float, str, str]:
    return call.is_side, call.at.timestamp(), call.place.session, call.key
