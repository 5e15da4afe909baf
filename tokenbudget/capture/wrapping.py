"""`wrap`: measure the calls of one client."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from tokenbudget.capture import registry, test_doubles, unknown_clients
from tokenbudget.core.errors import UnsupportedClientError

C = TypeVar("C")
log = logging.getLogger("tokenbudget")

_noted: set[str] = set()


def wrap(client: C, *, provider: str | None = None) -> C:
    """Measure every model call of a client.

    The client behaves as before: its return values, types, exceptions and copies (``copy``, ``with_options``,
    ``with_raw_response``, …) stay the same.  Wrapping a client twice is harmless.

    A test double of a client (a mock, a hand-written fake) is returned unchanged and not measured; a warning is logged
    once.

    Parameters
    ----------
    client : object
        A client of a supported SDK, e.g. ``openai.OpenAI()`` or ``anthropic.AsyncAnthropic()``.
    provider : str, optional
        Who bills the calls, e.g. ``"groq"``.  By default, the host of the client's base URL decides; for an unknown
        host (a company's gateway, a local server) it is the SDK's own provider.

    Returns
    -------
    object
        `client` itself.

    Raises
    ------
    UnsupportedClientError
        If TokenBudget does not support such clients; the message suggests what was probably meant.

    Examples
    --------
    >>> from openai import OpenAI
    >>> client = wrap(OpenAI(api_key="unused"))
    >>> type(client).__name__
    'OpenAI'
    """
    found = None if test_doubles.is_mock(client) else registry.sdk_of(client)
    if found is not None and found.is_made(client):
        found.wrap(client, provider)
    elif found is not None or test_doubles.is_mock(client) or test_doubles.is_fake(client):
        _note(client)
    else:
        raise UnsupportedClientError(unknown_clients.explain(client))
    return client


def _note(double: Any) -> None:
    if not _noted:
        cls = type(double)
        _noted.add("double")
        log.warning(
            "tb.wrap: %s.%s is no client but, it seems, a test double: its calls are not measured (said once)",
            cls.__module__,
            cls.__qualname__,
        )
