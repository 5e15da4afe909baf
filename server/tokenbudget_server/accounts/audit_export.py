"""The audit log as CSV, for spreadsheets and for whoever asks for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime

import msgspec

from tokenbudget_server.accounts.schemas import AuditRow

MEDIA_TYPE = "text/csv"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[AuditRow]) -> str:
    """Write rows as CSV with a header; what a spreadsheet would take for a formula begins with an apostrophe.

    Examples
    --------
    >>> as_csv([]).strip()
    'id,at,actor_kind,actor_id,user_id,address,action,target_kind,target_id,before,after'
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(AuditRow.__struct_fields__)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in AuditRow.__struct_fields__])
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value) if isinstance(value, str | int) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(_FORMULAS) else text
