"""Which SDK a client belongs to: a folder of `tokenbudget.capture.providers`, or a front end that is a client."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any, cast

from tokenbudget.capture import providers
from tokenbudget.capture.instrument.sdk_spec import Sdk

_FRONT_ENDS = ("tokenbudget.capture.adapters.litellm",)
"""Adapters whose package serves as a client itself; those for frameworks are handlers that users add."""


@cache
def _folders() -> tuple[str, ...]:
    found = pkgutil.iter_modules(providers.__path__, f"{providers.__name__}.")
    return (*(module.name for module in found if module.ispkg), *_FRONT_ENDS)


def _load(folder: str) -> Sdk:
    return cast("Sdk", importlib.import_module(folder).SDK)


@cache
def packages() -> dict[str, Sdk]:
    """Return the SDK of each package whose clients are measured, by the package's name."""
    return {package: sdk for folder in _folders() for sdk in (_load(folder),) for package in sdk.packages}


def sdk(package: str) -> Sdk:
    """Return the SDK of a supported package."""
    return packages()[package]


def sdk_of(client: Any) -> Sdk | None:
    """Find the SDK that a client (or a module that serves as one) belongs to; subclasses of its clients included."""
    is_module = isinstance(client, ModuleType)
    homes = [client.__name__] if is_module else [cls.__module__ for cls in type(client).__mro__]
    roots = {home.partition(".")[0] for home in homes}
    # Most folders are named as the package is: then there is no need to load the others.
    likely = [_load(folder) for folder in _folders() if folder.rpartition(".")[2] in roots]
    return next((sdk for sdk in likely if sdk.supports(client)), None) or next(
        (
            sdk
            for package, sdk in packages().items()
            if any(f"{home}.".startswith(f"{package}.") for home in homes) and sdk.supports(client)
        ),
        None,
    )


def forget() -> None:
    """Look for providers anew; for tests, which add some."""
    _folders.cache_clear()
    packages.cache_clear()
