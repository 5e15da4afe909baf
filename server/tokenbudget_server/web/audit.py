"""The record of who did what: a row beside each change, in its transaction, so that one is there if the other is.

Rows are only ever appended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, insert

from tokenbudget_server.db.tables import audit as table
from tokenbudget_server.web.scope import Scope

MASK = "…"
"""Stands for what is not recorded."""
_SECRET_NAME = re.compile(
    r"(.*[_-])?(pass(word|phrase|wd)?|secret|hash|authorization|cookie|credentials?)([_-].*)?"
    r"|(.*[_-])?(access|refresh|session|csrf|bearer|auth|id|api|invitation)[_-]token|token"
    r"|(.*[_-])?(api|admin|private|secret|access)[_-]?key",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(r"\b(tb_ak_|tb_st_|sk-)[A-Za-z0-9_-]{8,}")
_NUL = "\0"


class Target(NamedTuple):
    """What an act was done to: its kind, and how people name it."""

    kind: str
    id: str


def audit(
    connection: Connection,
    scope: Scope,
    action: str,
    target: Target,
    before: object = None,
    after: object = None,
) -> None:
    """Record an act in the transaction that does it.

    Parameters
    ----------
    connection : Connection
        In the transaction; of an asynchronous one, ``await connection.run_sync(audit, …)``.
    scope : Scope
        Whose act it is.
    action : str
        Thing and verb, such as ``key.revoke``.
    target : Target
    before, after : object
        What can be written as JSON and tells what changed; secrets in it are masked.
    """
    row = {
        "organisation_id": scope.organisation_id,
        "actor_kind": scope.actor.kind,
        "actor_id": scope.actor.id,
        "user_id": scope.actor.user_id,
        "address": scope.address,
        "action": action,
        "target_kind": target.kind,
        "target_id": target.id,
        "before": masked(before),
        "after": masked(after),
    }
    connection.execute(insert(table).values(row))


def masked(value: object) -> object:
    """Return a value as JSON has it, without what names or looks tell is a secret.

    Examples
    --------
    >>> masked({"name": "notebook", "hash": "$2b$12$…", "note": "was tb_ak_0123456789abcdef0123456789abcdef"})
    {'name': 'notebook', 'hash': '…', 'note': 'was tb_ak_…'}
    """
    return _masked(msgspec.to_builtins(value))


def _masked(value: object) -> object:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\1{MASK}", value).replace(_NUL, "\ufffd")  # Postgres takes no U+0000.
    if isinstance(value, Mapping):
        return {_masked(name): MASK if _SECRET_NAME.fullmatch(name) else _masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one) for one in value]
    return value
