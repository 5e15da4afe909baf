"""A period split by member: who owns the API keys that events were sent with."""

from __future__ import annotations

import msgspec
import polars as pl

from tokenbudget.analytics import answers, questions
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.analytics.top_n import OTHER
from tokenbudget.core.query import Query
from tokenbudget_server.ledger import LedgerSnapshot


def frame(moment: LedgerSnapshot, query: Query, limits: Limits = NONE) -> pl.DataFrame:
    """Split a period by member, as `tokenbudget.analytics.by` does, with the ``member_id`` of each.

    It is null for ``other``, and for events whose key nobody here owns.
    """
    found = questions.by(moment, msgspec.structs.replace(query, by=("member",)), limits)
    ids = {name: id_ for name, id_ in moment.names.member_ids.items() if name != OTHER}
    numbers = pl.Series("member_id", [ids.get(name) for name in found["member"]], dtype=pl.Int64)
    return found.insert_column(1, numbers)


def document(moment: LedgerSnapshot, query: Query, limits: Limits = NONE) -> answers.Document:
    """Answer as it travels: ``period``, ``by``, ``rows``."""
    return {"period": answers.period(query.period), "by": ["member"], "rows": frame(moment, query, limits).to_dicts()}
