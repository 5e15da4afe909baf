"""What a provider folder declares of an SDK: its client classes, and how to observe their calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.diagnostics.unmeasured import Unmeasured

MARK = "_tokenbudget"
"""Attribute of a wrapped client; absent from all others."""


class ClientMark:
    """Marks a client as wrapped.

    Attributes
    ----------
    provider : str or None
        The provider the user named; None: found out by the client's address.
    address, target : object
        The client's address when it was last looked up, and what was found.
    """

    __slots__ = ("address", "provider", "target")

    def __init__(self, provider: str | None = None) -> None:
        self.provider = provider
        self.address: Any = None
        self.target: tuple[str, str | None] = ("", None)

    def __reduce__(self) -> tuple[type[ClientMark], tuple[str | None]]:
        return ClientMark, (self.provider,)


@dataclass(frozen=True)
class Guide:
    """Texts about an SDK for messages and documentation.

    Attributes
    ----------
    calls : str
        How its clients can be called.
    checked_with : str
        The versions that its recorded responses were replayed with.
    wrap : str
        How a client is wrapped, where calling its class is not how one is made.
    around : tuple of str
        Packages around the SDK, or from before it: who hands over an object of theirs means this SDK.
    """

    calls: str = ""
    checked_with: str = ""
    wrap: str = ""
    around: tuple[str, ...] = ()


class Sdk(Protocol):
    """What a provider file's ``SDK`` is."""

    name: str
    """What it is called, e.g. ``openai``."""

    packages: tuple[str, ...]
    """The packages that `wrap` recognises its clients by."""

    clients: tuple[str, ...]
    """Names of its client classes, for messages and the documentation's table."""

    apis: tuple[Api, ...]
    """What is measured, for the documentation's table."""

    unmeasured: tuple[Unmeasured, ...]
    """What is billed and not measured, for the documentation's table."""

    guide: Guide
    """What messages and the documentation say of it."""

    def supports(self, client: Any) -> bool:
        """Return whether this object is one of its clients."""

    def is_made(self, client: Any) -> bool:
        """Return whether a client has what its calls go through: subclasses that are test doubles leave it out."""

    def wrap(self, client: Any, provider: str | None) -> None:
        """Observe this client's calls from now on."""

    def patch(self) -> None:
        """Observe the calls of every client, made already or later.  The package is imported by now."""

    def unpatch(self) -> None:
        """Observe only wrapped clients again."""
