"""Receipts as people read them: an HTML table in a notebook, aligned text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

import msgspec

from tokenbudget.core.formatting import exact_dollars, number
from tokenbudget.core.receipt import Receipt, ReceiptLine, Unpriced

_HEAD = ("part", "quantity", "unit", "US$ per unit", "US$", "price", "tier", "source")
_TEXT_COLUMNS = frozenset({0, 2, 5, 6, 7})
_STYLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of one call.

    Attributes
    ----------
    answer : Receipt or Unpriced
        The receipt, or the reason why there is no price.
    title : str
        Model, provider and time of the call.
    remarks : tuple of str
        Remarks, e.g. that the call was recorded at another price.
    """

    answer: Receipt | Unpriced
    title: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def cost_usd(self) -> Decimal | None:
        """The total in US dollars; None if the call has no price."""
        return self.answer.cost_usd if isinstance(self.answer, Receipt) else None

    @property
    def lines(self) -> tuple[ReceiptLine, ...]:
        """The lines.  If a part has no rate, they are those of the other parts, and their sum is not the cost."""
        return self.answer.lines

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the cells of all lines and of the total; columns that no line fills are dropped by `_columns`."""
        rows = [
            (
                f"{line.model}: {line.part}" if line.model else line.part,
                number(line.quantity),
                line.unit,
                number(line.rate),
                number(line.amount),
                line.price_key,
                line.tier,
                line.source,
            )
            for line in self.lines
        ]
        amount = sum((line.amount for line in self.lines), Decimal(0))
        name = "total" if isinstance(self.answer, Receipt) else "known of it"
        return [*rows, (name, "", "", "", number(amount), "", "", "")]

    @property
    def _has_table(self) -> bool:
        return isinstance(self.answer, Receipt) or bool(self.lines)

    def _notes(self) -> list[str]:
        if isinstance(self.answer, Unpriced):
            return [f"no price ({self.answer.reason}): {self.answer.detail}", *self.remarks]
        list_cost = self.answer.list_cost_usd
        prepaid = () if list_cost is None else (f"prepaid: on demand it would have cost {exact_dollars(list_cost)}",)
        return [*prepaid, *self.remarks]

    def __repr__(self) -> str:
        notes = "\n".join(self._notes())
        table = text_table(_HEAD, self._rows(), _TEXT_COLUMNS) if self._has_table else ""
        return "\n".join(filter(None, (self.title, table, notes)))

    def _repr_html_(self) -> str:
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes())
        table = html_table(_HEAD, self._rows(), _TEXT_COLUMNS) if self._has_table else ""
        return f"<div><b>{escape(self.title)}</b>{table}{notes}</div>"


def _used(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [index for index in range(len(head)) if any(row[index] for row in rows)]


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[int]) -> str:
    """Align a table for a terminal; columns without content are left out."""
    used = _used(head, rows)
    widths = {index: max(len(row[index]) for row in [head, *rows]) for index in used}

    def line(row: Sequence[str]) -> str:
        cells = (row[i].ljust(widths[i]) if i in left else row[i].rjust(widths[i]) for i in used)
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, [head, *rows]))


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[int]) -> str:
    """Write a table for a notebook; the last row is the total, columns without content are left out."""
    used = _used(head, rows)

    def cells(row: Sequence[str], tag: str) -> str:
        sides = ("left" if index in left else "right" for index in used)
        return "".join(
            f'<{tag} style="text-align:{side};padding:2px 10px">{escape(row[index])}</{tag}>'
            for index, side in zip(used, sides, strict=True)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows[:-1])
    total = f'<tr style="font-weight:600;border-top:1px solid currentColor">{cells(rows[-1], "td")}</tr>'
    return f'<table style="{_STYLE}"><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}{total}</tbody></table>'
