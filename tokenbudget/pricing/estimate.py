"""``tb.estimate``: what a job will cost, before it runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from tokenbudget.core.errors import PriceError
from tokenbudget.core.formatting import exact_dollars, number, plural
from tokenbudget.core.providers import canonical
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book.match import find_key, providers
from tokenbudget.pricing.default_pricer import default
from tokenbudget.pricing.engine.pricer import Pricer

# Who is meant by a bare model id: makers before those who resell.
_MAKERS = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "cohere",
    "deepseek",
    "xai",
    "groq",
    "perplexity",
    "vertex",
    "bedrock",
)
# Bytes of UTF-8 a token: prose in English lies near 4.5, code near 3.5, Chinese and Japanese near 3.
_MOST_BYTES = 5.0
_LEAST_BYTES = 2.5
_COLUMNS = ("prompt", "messages", "text", "input", "content")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most that a job will cost.

    Attributes
    ----------
    provider, model, price_key : str
        Whose price it is, and the row of the price table.
    calls : int
    input_tokens : tuple of int
        Minimum and maximum, estimated from the length of the texts.
    output_tokens : tuple of int
        0, and `max_tokens` for every call.
    cost_usd : tuple of Decimal
        Minimum and maximum in US dollars.
    """

    provider: str
    model: str
    price_key: str
    calls: int
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]
    cost_usd: tuple[Decimal, Decimal]

    def __repr__(self) -> str:
        low, high = map(exact_dollars, self.cost_usd)
        fewest, most = map(number, self.input_tokens)
        return (
            f"{plural(self.calls, 'call')} of {self.model} ({self.provider}): {low} to {high}"
            f" (input {fewest} to {most} tokens, output up to {number(self.output_tokens[1])})"
        )


def estimate(
    model: str,
    prompts: Any,
    *,
    max_tokens: int,
    provider: str | None = None,
    column: str | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    pricer: Pricer | None = None,
) -> Estimate:
    """Estimate what a job will cost: the range from no output at all to `max_tokens` for every call.

    Parameters
    ----------
    model : str
        E.g. ``gpt-4o-mini``, or ``azure/gpt-4o-mini`` with the provider.
    prompts : str, int, messages, iterable or frame
        A prompt, a number of input tokens, a list of messages, several of these, or a data frame (pandas or polars)
        with a column of them.
    max_tokens : int
        Maximum output tokens of a call.
    provider : str, optional
        Who bills; derived from the model if omitted.
    column : str, optional
        Column of the data frame; by default ``input_tokens``, or the first of ``prompt``, ``messages``, ``text``, …
    service_tier : str, optional
        ``flex``, ``priority``, …
    batch : bool
        Whether the job goes through the batch API.

    Raises
    ------
    PriceError
        If the model has no price, or the prompts are not valid.

    Examples
    --------
    >>> job = estimate("gpt-4o-mini", [1_000, 2_000], max_tokens=100)
    >>> job.calls, job.input_tokens, job.output_tokens
    (2, (3000, 3000), (0, 200))
    """
    pricer = pricer or default()
    provider, model = _provider(pricer, model, provider)
    sizes = Counter(map(_tokens, _each(prompts, column)))
    costs = [Decimal(0), Decimal(0)]
    key = ""
    for (fewest, most), calls in sizes.items():
        for index, (given, made) in enumerate(((fewest, 0), (most, max_tokens))):
            usage = Usage(input_tokens=given, output_tokens=made)
            answer = pricer.price(provider, model, usage, service_tier=service_tier, batch=batch)
            if isinstance(answer, Unpriced):
                raise PriceError(answer.detail)
            costs[index] += answer.cost_usd * calls
            key = answer.price_key
    calls = sizes.total()
    return Estimate(
        provider=provider,
        model=model,
        price_key=key,
        calls=calls,
        input_tokens=(sum(low * n for (low, _), n in sizes.items()), sum(high * n for (_, high), n in sizes.items())),
        output_tokens=(0, calls * max_tokens),
        cost_usd=(costs[0], costs[1]),
    )


def _provider(pricer: Pricer, model: str, provider: str | None) -> tuple[str, str]:
    if provider is not None:
        return canonical(provider), model
    owner, _, rest = model.partition("/")
    if rest and canonical(owner) in providers():
        return canonical(owner), rest
    for name in dict.fromkeys((*_MAKERS, *providers())):
        if find_key(pricer.book, name, model):
            return name, model
    msg = f"no price for {model!r}: name the provider, e.g. estimate({model!r}, ..., provider='azure')"
    raise PriceError(msg)


def _each(prompts: Any, column: str | None) -> Iterator[Any]:
    """Return the prompts one by one; a list of messages is one prompt."""
    if isinstance(prompts, str | int | Mapping) or _is_conversation(prompts):
        yield prompts
        return
    if hasattr(prompts, "columns"):
        names = [str(name) for name in prompts.columns]
        chosen = column or next((name for name in ("input_tokens", *_COLUMNS) if name in names), None)
        if chosen not in names:
            msg = f"the frame has no column of prompts: it has {', '.join(names)}; name one with column="
            raise PriceError(msg)
        prompts = prompts[chosen]
    if not isinstance(prompts, Iterable):
        kind = type(prompts).__name__
        msg = f"prompts must be a text, messages, a number of tokens, several of these or a frame, not {kind}"
        raise PriceError(msg)
    yield from prompts


def _is_conversation(prompts: Any) -> bool:
    return (
        isinstance(prompts, list) and bool(prompts) and all(isinstance(m, Mapping) and "content" in m for m in prompts)
    )


def _tokens(prompt: Any) -> tuple[int, int]:
    if isinstance(prompt, int) and not isinstance(prompt, bool):
        return prompt, prompt
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)
    size = len(text.encode("utf-8", "surrogatepass"))
    return int(size / _MOST_BYTES), int(size / _LEAST_BYTES) + 1
