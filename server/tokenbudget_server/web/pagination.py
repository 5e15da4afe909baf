"""Lists are sent page by page: the ``next`` of a page is an opaque cursor, which names where the page ended.

Cursors are keysets: a page begins after a position and not after a count, so that nothing is skipped or sent twice when
rows are added meanwhile.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from itertools import dropwhile, islice
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import ResponseHeader
from litestar.params import Parameter

from tokenbudget_server.web.errors import CursorError
from tokenbudget_server.web.parameters import LARGEST_ID

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
NEXT_HEADER = "X-Next-Cursor"
NEXT = ResponseHeader(
    name=NEXT_HEADER, documentation_only=True, description="Where the page ended; missing on the last one"
)
"""Stands for `Page.next` where the answer is a frame."""
_VERSION = 1
_LONGEST = 1_024

Row = TypeVar("Row")
Shown = TypeVar("Shown")
Position = TypeVar("Position", bound=tuple[Any, ...])

Id = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]
"""A number that the database gave, in a position."""
PageSize = Annotated[int, Parameter(ge=1, le=LARGEST_PAGE, description="Rows a page")]
PageCursor = Annotated[str | None, Parameter(description="Where the page before ended: its `next`")]


class Page(msgspec.Struct, Generic[Shown], frozen=True, kw_only=True):
    """A page of a list; `next` is the cursor of the page after it, null where there is none."""

    rows: list[Shown]
    next: str | None


class Keyset(Generic[Row, Position]):
    """The order of one list, and its cursors.

    A cursor is a version, the list's name and a position, as MessagePack in URL-safe base64.

    Parameters
    ----------
    of : str
        Names the list: the cursor of another list is refused.
    type_ : Any
        Type of the positions, e.g. ``tuple[datetime, UUID]``; what it does not allow is refused.
    position : callable
        Where a row is in the list.

    Examples
    --------
    >>> words = Keyset("words", tuple[str], lambda word: (word,))
    >>> first = words.page(["ant", "bee", "cat"], limit=2)
    >>> first.rows, list(words.after(["ant", "bee", "cat"], first.next))
    (['ant', 'bee'], ['cat'])
    """

    def __init__(self, of: str, type_: Any, position: Callable[[Row], Position]) -> None:
        self._of = of
        self._position = position
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[int, str, type_]).decode

    def write(self, position: Position) -> str:
        """Name a position."""
        return base64.urlsafe_b64encode(self._encode((_VERSION, self._of, position))).decode().rstrip("=")

    def read(self, cursor: str) -> Position:
        """Find a position.

        Raises
        ------
        CursorError
            If the text is not what `write` makes of it.
        """
        try:
            written = base64.urlsafe_b64decode(cursor[:_LONGEST] + "=" * (-len(cursor) % 4))
            position: Position = self._decode(written)[2]
            # There is one way to write a position: what else a decoder takes was made by hand.
            is_ours = self.write(position) == cursor
        except (ValueError, OverflowError, msgspec.MsgspecError):
            is_ours = False
        if not is_ours:
            raise CursorError(f"cursor {cursor[:64]!r} is not one this list gave: start without")
        return position

    def page(
        self,
        found: Iterable[Row],
        limit: int,
        show: Callable[[Row], Shown] = lambda row: row,  # type: ignore[assignment,return-value]
    ) -> Page[Shown]:
        """Make a page of what was found after a position.

        Parameters
        ----------
        found : iterable
            Rows in the list's order; one beyond `limit` shows that another page follows.
        limit : int
            Rows a page.
        show : callable
            What the answer has of a row; the row itself by default.
        """
        rows = list(islice(found, limit + 1))
        following = self.write(self._position(rows[limit - 1])) if len(rows) > limit else None
        return Page(rows=[show(row) for row in rows[:limit]], next=following)

    def after(self, rows: Iterable[Row], cursor: str | None) -> Iterable[Row]:
        """Put a list that is in memory in order, and leave out what came on earlier pages.

        Raises
        ------
        CursorError
            If the cursor is not of this list.
        """
        ordered = sorted(rows, key=self._position)
        if cursor is None:
            return ordered
        last = self.read(cursor)
        return dropwhile(lambda row: self._position(row) <= last, ordered)


def page_or_rows(request: Request[Any, Any, Any], page: Page[Shown]) -> Response[Any]:
    """Answer with a page.

    A client that states no ``Accept`` gets the rows alone, with the cursor in the header `NEXT_HEADER`: so these lists
    were answered before there were pages, and scripts on nothing but the standard library rely on it.
    """
    if "accept" in request.headers:
        return Response(page, headers={"Vary": "Accept"})
    return Response(page.rows, headers={"Vary": "Accept", **({NEXT_HEADER: page.next} if page.next else {})})
