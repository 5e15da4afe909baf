"""`wrap`: the front door of capture."""

from __future__ import annotations

from typing import TypeVar

from tokenbudget.capture import providers
from tokenbudget.core.errors import UnsupportedClientError

C = TypeVar("C")


def wrap(client: C, *, provider: str | None = None) -> C:
    """Measure every model call of a client; the same client comes back.

    Its return values, types, exceptions and copies (``copy``, ``with_options``, ``with_raw_response``, …) stay as
    they were.  Wrapping a client again is harmless.

    Parameters
    ----------
    client : object
        A client of a supported SDK, e.g. ``openai.OpenAI()`` or ``anthropic.AsyncAnthropic()``.
    provider : str, optional
        Who bills the calls, e.g. ``"groq"``.  Without it the client's address tells; an address nobody is known by
        (a company's gateway, a server on this machine) is taken for the SDK's own provider.

    Returns
    -------
    object
        `client` itself.

    Raises
    ------
    UnsupportedClientError
        If TokenBudget does not know such clients; the text lists those it does.

    Examples
    --------
    >>> from openai import OpenAI
    >>> client = wrap(OpenAI(api_key="unused"))
    >>> type(client).__name__
    'OpenAI'
    """
    found = providers.sdk_of(client)
    if found is None:
        cls = type(client)
        msg = (
            f"tb.wrap does not know {cls.__module__}.{cls.__qualname__}; it measures "
            f"{', '.join(providers.supported())} and their subclasses. "
            "For anything else call tb.record(provider=..., model=..., usage=...)"
        )
        raise UnsupportedClientError(msg)
    found.wrap(client, provider)
    return client
