"""What a provider folder declares of an API: how to read its answers and streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tokenbudget.capture.usage.fields import Fields, Reader

Found = dict[str, Any]
"""Values read from a response, by the names of `Usage` and `Event`."""

Rule = Callable[[Found, Fields, Fields], None]
"""``rule(found, response, request)`` completes what the table read, e.g. adds cached tokens to the input."""

Accumulator = Callable[[dict[str, Any], Fields], int]
"""``accumulate(answer, item)`` adds a stream item to the answer so far and returns the bytes of text written in it."""

TextSize = Callable[[Any], int]
"""``text_size(item)`` returns the bytes of an item that is plain text; 0 if it has to be accumulated."""

FastReader = Callable[[Any], Found | None]
"""``fast_reader(response)`` reads a plain response; None if the table and the rules are needed."""

MakeFastReader = Callable[[Reader], FastReader]
"""Makes the fast reader of a table."""


def never(response: Any) -> None:
    """Leave every response to the table and the rules."""


def unknown_size(item: Any) -> int:  # noqa: ARG001 (the signature of a TextSize)
    """Leave every item to the accumulator."""
    return 0


def ignore(answer: dict[str, Any], item: Fields) -> int:  # noqa: ARG001 (the signature of an Accumulator)
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
        What a table cannot express, applied in order.
    accumulate : Accumulator
        How a stream's items add up to one answer that `read` understands.
    fast_reader : FastReader
        Reads most responses like the table and the rules, but much faster (`with_fast_paths`).
    text_size : TextSize
        Measures items of plain text, which need not be accumulated (`with_fast_paths`).
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
    accumulate: Accumulator = ignore
    ask_for_usage: bool = False
    request_only: bool = False
    is_text: bool = True
    skip: Callable[[Fields], bool] | None = None
    begun: Callable[[Fields, Fields], None] | None = None
    adds: tuple[str, ...] = ()
    # Not arguments, so that no copy inherits them: they are valid only for the table and rules beside them.
    fast_reader: FastReader = field(init=False, default=never)
    text_size: TextSize = field(init=False, default=unknown_size)

    def with_fast_paths(self, fast_reader: MakeFastReader | None = None, text_size: TextSize | None = None) -> Api:
        """Copy the declaration with fast paths, which return the same as its table, rules and accumulator.

        Parameters
        ----------
        fast_reader : callable, optional
            Makes the fast reader from the table of this API; it also replaces the rules.
        text_size : TextSize, optional
            Replaces the accumulator for items of plain text.
        """
        copy = replace(self)
        object.__setattr__(copy, "fast_reader", fast_reader(self.read) if fast_reader else self.fast_reader)
        object.__setattr__(copy, "text_size", text_size or self.text_size)
        return copy

    def derive(self, **changes: Any) -> Api:
        """Copy the declaration with changes, for an API that is like this one.

        The fast reader is not copied: it is valid only for this table, these rules and this SDK's response classes.
        The text size is copied if the accumulator stays the same.

        Examples
        --------
        >>> chat = Api(operation="chat", read=Reader(model="model")).with_fast_paths(lambda read: read, len)
        >>> own = chat.derive(operation="completions")
        >>> own.operation, own.fast_reader is never, own.text_size is len
        ('completions', True, True)
        """
        copy = replace(self, **changes)
        return copy.with_fast_paths(text_size=self.text_size) if copy.accumulate is self.accumulate else copy
