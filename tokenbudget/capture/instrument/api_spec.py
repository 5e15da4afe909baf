"""What a provider file declares: an API's shape, and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokenbudget.capture.usage.fields import Fields, Reader

Found = dict[str, Any]
"""Values read from a response, by the names of `Usage` and `Event`."""

Rule = Callable[[Found, Fields, Fields], None]
"""``rule(found, response, request)`` completes what the table read, e.g. adds cached tokens to the input."""

Accumulator = Callable[[dict[str, Any], Fields], int]
"""``accumulate(answer, item)`` adds a stream item to the answer so far and returns the bytes of text written in it."""

TextSize = Callable[[Any], int]
"""``text_size(item)`` gives the bytes of text in an item that has nothing else; 0 where it has to be folded."""


FastReader = Callable[[Any], Found | None]
"""``fast_reader(response)`` reads a response that is as nearly all are; None where it takes the table and the rules."""


def never(response: Any) -> None:
    """Take no response for a usual one."""


def unknown_size(item: Any) -> int:  # noqa: ARG001 (the signature of a Glance)
    """Fold every item."""
    return 0


def ignore(answer: dict[str, Any], item: Fields) -> int:  # noqa: ARG001 (the signature of a Fold)
    """Learn nothing from a stream's items."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API of one provider.

    Attributes
    ----------
    operation : str
        Name that events carry: ``chat``, ``responses``, ``messages``, ``embeddings``, …
    read : Reader
        Where model, id, tier and usage are in the response.
    rules : tuple of Rule
        What a table cannot say, applied in order.
    usual : Usual
        Reads most responses as the table and the rules do, at a fraction of what they cost.
    fold : Fold
        How a stream's items add up to one answer that `read` understands.
    glance : Glance
        Tells items of plain text, which need no folding.
    ask_for_usage : bool
        Whether a stream states its usage only when asked to (``stream_options.include_usage``).
    request_only : bool
        Whether the request alone says what is billed (speech: the response is sound).
    is_text : bool
        Whether text goes in and comes out, so that a stream left early can be estimated by it.
    skip : callable or None
        ``skip(answer)``: whether an answer is none to record (a background response that is not done yet).
    begun : callable or None
        ``begun(answer, request)`` takes note of an answer that is skipped, where its request says what is billed once
        it is done.
    adds : tuple of str
        Fields of `Usage` that rules fill in beside the table's, for the documentation.
    """

    operation: str
    read: Reader
    rules: tuple[Rule, ...] = ()
    fast_reader: FastReader = never
    accumulate: Accumulator = ignore
    text_size: TextSize = unknown_size
    ask_for_usage: bool = False
    request_only: bool = False
    is_text: bool = True
    skip: Callable[[Fields], bool] | None = None
    begun: Callable[[Fields, Fields], None] | None = None
    adds: tuple[str, ...] = ()
