"""From a call in a transcript to an event: its id follows from the call, and no text of it is a prompt or an answer."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tokenbudget.capture.usage.builder import usage_of
from tokenbudget.core.event import Billing, Event, Scalar
from tokenbudget.core.ids import uuid7_from
from tokenbudget.core.sanitize import sanitized
from tokenbudget.imports.agent import Agent, Call

_NAMES = ("service_tier", "speed", "region")
_MOST = 10**12
_SEPARATORS = re.compile(r"[/\\]+")


def size_of(call: Call) -> int:
    """Return the tokens of a call: of two tellings of one call, the larger is the later.

    Raises
    ------
    TypeError
        If its counts are none.
    """
    counts = [count for name in ("input_tokens", "output_tokens") if (count := call.found.get(name)) is not None]
    if any(type(count) is not int for count in counts):
        msg = f"no counts of tokens: {counts}"
        raise TypeError(msg)
    return sum(counts)


def id_of(agent: Agent, call: Call) -> str:
    """Return the id of a call's event: the same wherever and however often the transcript is imported."""
    own = (
        f"{call.provider}/{call.response_id}/{call.request_id or ''}"
        if call.response_id
        else f"{agent.name}/{call.key}"
    )
    return uuid7_from(own, max(0, int(call.at.timestamp() * 1000)))


def event_of(
    agent: Agent, call: Call, id_: str, at: datetime, billing: Billing, *, project: str | None, path: bool
) -> Event:
    """Return the event of a call, without its price.

    Parameters
    ----------
    id_, at : str, datetime
        Of the event: those of the call's first telling.
    project : str or None
        The configured project's name; without one, it is the name of the folder.
    path : bool
        Whether the path of the folder is a tag, too.

    Raises
    ------
    ArithmeticError, TypeError, ValueError
        If its counts are none.
    """
    usage, warnings = usage_of({name: value for name, value in call.found.items() if name not in _NAMES})
    if max(usage.total_tokens or 0, *usage.tools.values(), 0) > _MOST:
        msg = f"no call has so many tokens or calls of tools: {usage}"
        raise ValueError(msg)
    told = call.place
    folder = folder_name(told.folder)
    tags = {
        "agent": agent.name,
        "session_id": told.session,
        "project": folder,
        "branch": told.branch,
        "sub_agent": told.sub_agent,
        "agent_version": told.version,
        "path": told.folder if path else "",
    }
    named: dict[str, Any] = {name: _text(call.found.get(name)) for name in _NAMES}
    metadata: dict[str, Scalar] = {"request_id": call.request_id} if call.request_id else {}
    return sanitized(
        Event(
            id=id_,
            occurred_at=at,
            provider=call.provider,
            model=call.model,
            operation=agent.operation,
            usage=usage,
            **named,
            response_id=call.response_id,
            source="import",
            billing=billing,
            project=project or folder or None,
            tags={key: text for key, text in tags.items() if text},
            metadata=metadata,
            warnings=(*call.found.get("warnings", ()), *warnings),
        )
    )


def folder_name(path: str) -> str:
    r"""Return the last part of a path of any system.

    Examples
    --------
    >>> folder_name("/home/ada/shop/"), folder_name("C:\\work\\shop"), folder_name("")
    ('shop', 'shop', '')
    """
    parts = [part for part in _SEPARATORS.split(path) if part]
    return parts[-1] if parts else ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
