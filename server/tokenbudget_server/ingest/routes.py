"""``POST /v1/events`` and ``POST /v1/events/batch``."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Request, post

from tokenbudget.core.event import Event, EventBatch
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.ingest.body import LARGEST_BODY, read_body
from tokenbudget_server.ingest.decode import decode_batch, decode_event
from tokenbudget_server.ingest.schemas import Receipt
from tokenbudget_server.ingest.service import Ingest
from tokenbudget_server.web.cancellation import while_connected
from tokenbudget_server.web.problems import FieldError, ProblemError

_PROMISES = (
    "A project stores an id once, however often it is sent and whatever time it comes with: the first one counts, and "
    "sending again is safe. Text that cannot be stored (U+0000, half of a surrogate pair, a name that is too long) is "
    "replaced or cut, and a warning of the event says so."
)
# What curl and urllib call any body for which they are not told better: that costs nobody an event.
_UNTOLD = "application/x-www-form-urlencoded"
_ROUTE: dict[str, Any] = {
    "media_types": ("application/json", _UNTOLD),
    "status_code": 202,
    "needs": "ingest",
    "request_max_body_size": LARGEST_BODY,
    "description": _PROMISES,
    "tags": ["ingest"],
}


@post("/v1/events", body=Event, **_ROUTE)
async def post_event(request: Request[Any, Any, Any], principal: Principal, ingest: Ingest) -> Receipt:
    """Store one event; 202 means that it is committed."""
    with ingest.holding(principal) as held:
        event = decode_event(await read_body(request, held))
        receipt = await ingest.take(principal, [event], partial(while_connected, request))
    if receipt.rejected:
        fault = receipt.rejected[0]
        raise ProblemError(400, "the event was not stored", [FieldError(field=fault.field, reason=fault.reason)])
    return receipt


@post("/v1/events/batch", body=EventBatch, **_ROUTE)
async def post_events(request: Request[Any, Any, Any], principal: Principal, ingest: Ingest) -> Receipt:
    """Store up to 1000 events; 202 means that those accepted are committed, whatever was wrong with others."""
    with ingest.holding(principal) as held:
        events = decode_batch(await read_body(request, held))
        return await ingest.take(principal, events, partial(while_connected, request))
