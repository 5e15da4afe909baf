"""Put addresses on the waitlist, and list them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.limits import storable
from tokenbudget_server.db.tables import waitlist
from tokenbudget_server.waitlist.schemas import Entry, Joined, JoinRequest
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.email_address import normalized_email
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.problems import INVALID_REQUEST, FieldError, ProblemError
from tokenbudget_server.web.scope import Scope

_ENTRIES: Keyset[Entry, tuple[int]] = Keyset("waitlist", tuple[Id], lambda entry: (entry.id,))


class Waitlist:
    """The waitlist in the database.

    Parameters
    ----------
    engine : AsyncEngine
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def join(self, scope: Scope, request: JoinRequest) -> Joined:
        """Put an address on the list; one that is there stays as it is.

        Raises
        ------
        ProblemError
            400 if it is no email address.
        """
        if (email := normalized_email(request.email)) is None:
            fault = FieldError(field="email", reason="is no email address: send one such as ada@example.org")
            raise ProblemError(INVALID_REQUEST, "the email address cannot be used", [fault])
        texts = {"name": request.name, "note": request.note}
        kept = {name: storable(text) if text else None for name, text in texts.items()}
        added = insert(waitlist).values(email=email, **kept).on_conflict_do_nothing().returning(waitlist.c.id)
        async with self._engine.begin() as connection:
            if (id_ := await connection.scalar(added)) is not None:
                await connection.run_sync(audit, scope, "waitlist.join", Target("waitlist", str(id_)))
        return Joined(email)

    async def list(self, limit: int, cursor: str | None) -> Page[Entry]:
        """List a page of who is on it, in the order in which they came.

        Raises
        ------
        CursorError
            If the cursor is not of this list.
        """
        columns = waitlist.c.id, waitlist.c.email, waitlist.c.name, waitlist.c.note, waitlist.c.created_at
        statement = select(*columns).order_by(waitlist.c.id).limit(limit + 1)
        if cursor is not None:
            (last,) = _ENTRIES.read(cursor)
            statement = statement.where(waitlist.c.id > last)
        async with self._engine.connect() as connection:
            return _ENTRIES.page([Entry(*row) for row in await connection.execute(statement)], limit)
