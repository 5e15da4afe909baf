"""The event: one model call as it is stored and sent.  It never holds prompts, answers or provider keys."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from tokenbudget.core.usage import Usage

Status = Literal["ok", "error", "aborted"]
Measured = Literal["exact", "estimated"]
Source = Literal["python", "javascript", "otlp", "api", "import"]
Billing = Literal["api", "subscription", "unknown"]
Scalar = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model call.

    Attributes
    ----------
    id : str
        UUIDv7, made once by the client.  The server stores an id once per project, however often it arrives and
        whatever its time.
    occurred_at : datetime
        When the request was sent; time-zone aware, UTC.
    provider : str
        Who bills the call: ``openai``, ``azure``, ``anthropic``, ``google``, ``vertex``, ``bedrock``, …
        (`tokenbudget.core.providers.canonical` maps OpenTelemetry's names onto these).
    model : str
        The model named in the response, else the requested one; ``requested_model`` is always the requested one.
    operation : str
        The API called: ``chat``, ``responses``, ``messages``, ``embeddings``, ``images``, …
    cost_usd : Decimal or None
        Exact cost in US dollars; None if no price or no usage is known, with the reason in ``unpriced``.  0 where
        nobody pays for this call's tokens: a subscription, or tokens that were paid for before.
    list_cost_usd : Decimal or None
        What the call would cost at list price, in US dollars, where that is not `cost_usd`; None: it is the same.
    billing : {"api", "subscription", "unknown"}
        Whether the call is billed by the token, or covered by a plan with a fixed price.  ``unknown`` counts as billed.
    price_key : str or None
        The row of the price book that priced the call.
    service_tier, speed, region : str or None
        Tier, speed and region, on which prices depend; from the response (``region``: from the request).
    batch : bool
        Whether the call went through the provider's batch API.
    latency_ms, time_to_first_token_ms : float or None
        Wall-clock milliseconds from sending the request.
    attempts : int
        HTTP requests of the client for this call, including retries.
    measured : {"exact", "estimated"}
        Whether the provider stated the usage, or it was estimated (from the part of a stream that was read).
    project : str or None
        The project set in the client; on the server, the API key determines the project.
    tags : dict of str to str
        Set by the user: ``feature``, ``user_id``, ``env``, …
    warnings : tuple of str
        Contradictions in the provider's usage, with both values, and texts that had to be changed to be stored.
    """

    id: str
    occurred_at: datetime
    provider: str
    model: str
    operation: str = "chat"
    requested_model: str | None = None
    usage: Usage = Usage()
    cost_usd: Decimal | None = None
    list_cost_usd: Decimal | None = None
    billing: Billing = "api"
    unpriced: str | None = None
    price_key: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    region: str | None = None
    batch: bool = False
    latency_ms: float | None = None
    time_to_first_token_ms: float | None = None
    attempts: int = 1
    status: Status = "ok"
    error_type: str | None = None
    measured: Measured = "exact"
    response_id: str | None = None
    source: Source = "python"
    project: str | None = None
    tags: dict[str, str] = {}
    metadata: dict[str, Scalar] = {}
    warnings: tuple[str, ...] = ()


class EventBatch(msgspec.Struct, kw_only=True):
    """The body of ``POST /v1/events/batch``."""

    events: list[Event]


encoder = msgspec.json.Encoder()
decoder = msgspec.json.Decoder(Event)

encode = encoder.encode
decode = decoder.decode
