"""Say what is wrong with something that `wrap` does not know: first what was most likely meant."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tokenbudget.capture import registry, test_doubles

_HANDLERS = {
    "langchain": "callbacks=[TokenBudgetCallbackHandler()] of tokenbudget.integrations.langchain",
    "llama_index": "TokenBudgetEventHandler() of tokenbudget.integrations.llamaindex",
}
_BEST_KNOWN = ("anthropic", "google.genai", "openai")
_MOST = 3


def explain(thing: Any) -> str:
    """Return the text of the error for something that is neither a client nor a double of one.

    Examples
    --------
    >>> import openai
    >>> explain(openai.OpenAI).partition(". ")[0]
    'tb.wrap got the class openai.OpenAI: make a client of it, tb.wrap(OpenAI())'
    """
    name, near = _look(thing)
    return (
        f"tb.wrap got {name}: {near}. All that it measures: docs/reference/providers.md; "
        "for anything else call tb.record(provider=..., model=..., usage=...)"
    )


def _look(thing: Any) -> tuple[str, str]:
    """Return something's name, and what was most likely meant in place of it."""
    if isinstance(thing, type):
        return f"the class {_name(thing)}", _class(thing)
    if isinstance(thing, ModuleType):
        return f"the module {thing.__name__}", _module(thing.__name__)
    cls = type(thing)
    if inspect.isroutine(thing):
        owner = getattr(thing, "__self__", None)
        near = _object(owner) if owner is not None else ""
        return f"the function {thing.__qualname__}", near or "wrap the client that it calls"
    return _name(cls), _object(thing) or _nearest(cls.__name__)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _class(cls: type) -> str:
    package = _in(_homes(cls), registry.packages())
    known = package is not None and cls.__name__ in registry.sdk(package).clients
    return f"make a client of it, tb.wrap({cls.__name__}())" if known else "it takes a client, and no class"


def _module(name: str) -> str:
    package = _package([name])
    if package is None:
        return "it takes a client, and of modules litellm only"
    return f"wrap a client, {_wrapped(package)}, or measure every client with tb.patch()"


def _object(thing: Any) -> str:
    homes = _homes(type(thing))
    if inspect.isawaitable(thing):
        return "await it first"
    if package := _package(homes):
        return _part(thing, package, homes)
    if framework := _in(homes, _HANDLERS, ends="_."):
        return f"what a framework calls is recorded by its handler, {_HANDLERS[framework]}"
    if test_doubles.is_called_by(thing, "chat.completions.create"):
        return "wrap the client inside it or, where its server speaks OpenAI's protocol, tb.wrap(OpenAI(base_url=...))"
    return ""


def _part(thing: Any, package: str, homes: list[str]) -> str:
    """Say what to wrap in place of another object of an SDK: a resource of a client, a client for something else."""
    if "botocore.client" in homes:
        return f"of AWS's clients bedrock-runtime calls models, {_wrapped(package)}"
    holder = getattr(thing, "_client", None)
    client = type(holder).__name__ if registry.sdk_of(holder) else None
    return f"wrap the client itself, {_wrapped(package, client)}"


def _wrapped(package: str, client: str | None = None) -> str:
    sdk = registry.sdk(package)
    if client is None and sdk.guide.wrap:
        return sdk.guide.wrap
    return f"tb.wrap({client or sdk.clients[0]}())"


def _nearest(name: str) -> str:
    sdks = sorted(registry.packages().items(), key=lambda named: named[0] not in _BEST_KNOWN)
    firsts = {package: f"{package}.{sdk.clients[0]}" for package, sdk in sdks if sdk.clients}
    for package, client in firsts.items():
        if any(word in name.lower() for word in _words(package, client)):
            return f"it is called like {client}, but is another class"
    return f"it takes clients such as {', '.join([*firsts.values()][:_MOST])}"


def _words(package: str, client: str) -> set[str]:
    """Return what a class may be called by that stands for an SDK."""
    return {package.partition(".")[0], client.rpartition(".")[2].lower()} - {"client"}


def _homes(cls: type) -> list[str]:
    return [base.__module__ for base in cls.__mro__]


def _package(homes: Iterable[str]) -> str | None:
    packages = registry.packages()
    around = {other: package for package, sdk in packages.items() for other in sdk.guide.around}
    package = _in(homes, {**packages, **around})
    return around.get(package, package) if package else None


def _in(homes: Iterable[str], packages: Iterable[str], ends: str = ".") -> str | None:
    """Find the package that the first of the modules `homes` is in; its name ends there, or at one of `ends`."""
    pairs = ((package, f"{home}.") for home in homes for package in packages)
    return next((package for package, home in pairs if home.startswith(package) and home[len(package)] in ends), None)
