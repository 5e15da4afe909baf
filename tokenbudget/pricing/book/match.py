"""Find the row of the price book that prices a call: by provider, then by id, and never by a guess."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import msgspec

from tokenbudget.core.providers import DOLLAR, PROVIDERS, canonical
from tokenbudget.pricing.book.price_book import PriceBook

# Resource paths in front of an id: Google's, Bedrock's ARNs, a gateway's own.
_PATH = re.compile(r"^(?:arn:[^/]*/|(?:projects/.*/)?(?:publishers/[^/]+/)?models/|(?:converse|invoke)/)")
# A snapshot is dated in full; four digits alone could as well be a version (gpt-4-0613, mistral-large-2411).
_DATED = re.compile(r"(?:[-@]\d{4}-?\d{2}-?\d{2}|:\d{8}(?:-v\d+)?)$")
# Asked for, four digits are a version all the same: a server that answers with less has served that one.
_SNAPSHOT = re.compile(r"[-@](?:\d{4}-?\d{2}-?\d{2}|\d{4})(?:-preview)?$")
_FINE_TUNED = re.compile(r"^(ft:[^:]+):.*$")
# Bedrock's provisioned throughput, models brought along (billed by copies and minutes), and endpoints of SageMaker.
_PROVISIONED = re.compile(r"^arn:[^:]*:(?:bedrock:[^/]*:(?:provisioned|imported)-model/|sagemaker:[^/]*:endpoint/)")
_ARN_REGION = re.compile(r"^arn:[^:]*:bedrock:([a-z0-9-]+):")


class PriceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key format of a provider's rows in the table (``data/providers.toml``)."""

    keys: tuple[str, ...] = ()
    served_by: tuple[str, ...] = ()
    requested: bool = False
    gateway: bool = False
    makers: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()


@cache
def providers() -> dict[str, PriceKeys]:
    """Read the table of providers; the prices are in US dollars, so none of them is of a bill in another currency."""
    text = files("tokenbudget.pricing").joinpath("data", "providers.toml").read_text("utf-8")
    without = {name: PriceKeys() for name, one in PROVIDERS.items() if one.currency != DOLLAR}
    return without | msgspec.convert(tomllib.loads(text), dict[str, PriceKeys])


def rules_of(provider: str) -> PriceKeys:
    """Return the rules of a provider; one that is not listed is looked up under its own name."""
    return providers().get(provider) or PriceKeys(keys=(f"{provider}/{{model}}",), served_by=(provider,))


def find_key(
    book: PriceBook, provider: str, model: str, requested_model: str | None = None, region: str | None = None
) -> str | None:
    """Find the key of the row that prices a model of a provider.

    The answered id counts before the requested one, unless it says less (on Bedrock, or where the requested one is a
    snapshot of it), each as it is, then as the alias of a dated snapshot that has no row of its own.

    Parameters
    ----------
    book : PriceBook
    provider : str
        TokenBudget's name of the provider, e.g. ``openai``.
    model, requested_model : str
        As answered, and as asked for.
    region : str, optional
        Where the call was served, if known.

    Returns
    -------
    str or None
        None where no row is surely the right one.
    """
    rules = rules_of(provider)
    for wanted in _ids(rules, provider, model, requested_model or ""):
        owner, _, rest = wanted.partition("/")
        if rules.gateway and rest and (key := find_key(book, canonical(owner), rest, region=region)):
            return key
        for name in names(provider, wanted):
            for key in _keys(rules, name, _region(wanted) or region):
                if _is_served(book, rules, key, name):
                    return key
    return None


def _ids(rules: PriceKeys, provider: str, model: str, requested_model: str) -> list[str]:
    """Return the ids that may select the price, the most specific first."""
    answered, asked = (next(names(provider, one), "") for one in (model, requested_model))
    if is_vague(provider, model, requested_model):
        return [requested_model]
    if rules.requested or (answered and asked != answered and _SNAPSHOT.sub("", asked) == answered):
        return [one for one in (requested_model, model) if one]
    return [one for one in (model, requested_model) if one]


def is_vague(provider: str, model: str, requested_model: str | None) -> bool:
    """Return whether the answered id stands for several models, so that only the requested one can name the price.

    Examples
    --------
    >>> is_vague("azure", "gpt-4", "gpt-4-1106-preview"), is_vague("azure", "gpt-4", "gpt-4")
    (True, False)
    """
    return bool(requested_model) and requested_model != model and model in rules_of(provider).vague


def names(provider: str, model: str) -> Iterator[str]:
    """Return the names under which a model may be listed, the most certain first.

    Examples
    --------
    >>> list(names("openai", "openai/gpt-4o-2024-11-20"))
    ['openai/gpt-4o-2024-11-20', 'gpt-4o-2024-11-20', 'openai/gpt-4o', 'gpt-4o']
    >>> list(names("google", "models/gemini-2.5-pro"))
    ['gemini-2.5-pro']
    >>> list(names("vertex", "google/gemini-2.5-pro"))
    ['google/gemini-2.5-pro', 'gemini-2.5-pro']
    """
    bare = _FINE_TUNED.sub(r"\1", _PATH.sub("", model))
    owner, slash, rest = bare.partition("/")
    is_own = bool(slash) and (canonical(owner) == provider or owner in rules_of(provider).makers)
    forms = [bare, rest] if is_own else [bare]
    yield from forms
    for form in forms:
        if (alias := _DATED.sub("", form)) != form:
            yield alias


def all_names(provider: str, models: Iterable[str]) -> list[str]:
    """Return the names of several ids, those of the first one first."""
    return [name for model in models for name in names(provider, model)]


def is_provisioned(model: str) -> bool:
    """Return whether an id belongs to something that is billed by time, not by tokens.

    Examples
    --------
    >>> is_provisioned("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc")
    True
    """
    return bool(_PROVISIONED.match(model))


def _keys(rules: PriceKeys, name: str, region: str | None) -> Iterator[str]:
    for form in rules.keys:
        if "{region}" not in form:
            yield form.replace("{model}", name)
        elif region:
            yield form.replace("{model}", name).replace("{region}", region)


def _region(model: str) -> str | None:
    found = _ARN_REGION.match(model)
    return found[1] if found else None


def _is_served(book: PriceBook, rules: PriceKeys, key: str, name: str) -> bool:
    """Return whether a row belongs to the provider: the prefix of a key tells, a key without one may be another's."""
    row = book.latest(key)
    return row is not None and (key != name or rules.gateway or row.provider in rules.served_by)


def near(book: PriceBook, provider: str, model: str) -> list[str]:
    """Return up to three similar model names: for messages, never for pricing."""
    rules = rules_of(provider)
    name = next(names(provider, model), model)
    heads = {form.replace("{model}", name[:3]) for form in rules.keys if "{region}" not in form}
    close = [key for key in book if any(key.startswith(head) for head in heads)]
    return get_close_matches(next(_keys(rules, name, None)), close, n=3, cutoff=0.75)
