"""Where events go and what they are called: one place for every setting.

Order of precedence: ``tb.configure(...)``, the environment, ``$TOKENBUDGET_HOME/config.toml`` (written by
``tokenbudget up``), then local mode: no server, the journal on disk is the store.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tokenbudget.core.errors import ConfigError

CONFIG_FILE = "config.toml"
_ENVIRONMENT = {
    "url": "TOKENBUDGET_URL",
    "api_key": "TOKENBUDGET_API_KEY",
    "project": "TOKENBUDGET_PROJECT",
    "tz": "TOKENBUDGET_TZ",
    "fsync": "TOKENBUDGET_FSYNC",
    "cap_mib": "TOKENBUDGET_CAP_MIB",
}
FSYNC = ("never", "interval", "always")
_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Config:
    """The settings in force.

    Attributes
    ----------
    home : Path
        Directory of the journal, the ledger and ``config.toml``.
    url, api_key : str or None
        The TokenBudget server and the key to it; without `url`, everything stays on this machine.
    project : str or None
        Name that events carry.
    tz : str
        IANA zone whose days periods follow.
    enabled : bool
        False records nothing; wrapped clients work as if they were not.
    models : dict of str to str
        Deployment or alias to the model whose price it has, e.g. ``{"my-deployment": "gpt-4o"}``.
    fsync : {"never", "interval", "always"}
        What a power cut may lose: what the kernel had not written, about a second's events, or nothing.  A killed
        process loses nothing in any of them.
    cap_mib : int
        Mebibytes of events that may wait for the server; past it new ones are refused, counted and warned of.
    """

    home: Path
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    project: str | None = None
    tz: str = "UTC"
    enabled: bool = True
    models: dict[str, str] = field(default_factory=dict)
    fsync: Literal["never", "interval", "always"] = "never"
    cap_mib: int = 1024

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            msg = f"url must start with http:// or https://, got {self.url!r}"
            raise ConfigError(msg)
        if self.url is not None and "@" in self.url.partition("://")[2].partition("/")[0]:
            # Not repeated in the text: errors are logged.
            msg = "url must not hold a user or a password: the server knows you by api_key"
            raise ConfigError(msg)
        if self.fsync not in FSYNC:
            msg = f"fsync must be one of {', '.join(FSYNC)}, got {self.fsync!r}"
            raise ConfigError(msg)
        if self.cap_mib < 1:
            msg = f"cap_mib must be at least 1, got {self.cap_mib}"
            raise ConfigError(msg)


def default_home() -> Path:
    """Return ``$TOKENBUDGET_HOME``, else ``~/.tokenbudget``."""
    return _expanded(os.environ.get("TOKENBUDGET_HOME") or "~/.tokenbudget")


def _expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with the user's home in it; a user without one has a directory that cannot be written."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # As in a container that runs under a number nobody has.
        return Path(os.devnull, *Path(path).parts[1:])


def is_out_of_reach(path: Path) -> bool:
    """Return whether `path` lies in a directory, or is one, that this user may not enter."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return isinstance(error, PermissionError)
    return stat.S_ISDIR(mode) and not os.access(path, os.R_OK | os.X_OK)


def read_file(home: Path) -> dict[str, Any]:
    """Read ``config.toml`` in `home`; empty when there is none.

    Raises
    ------
    ConfigError
        If the file is not TOML or cannot be read.
    """
    path = home / CONFIG_FILE
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if is_out_of_reach(path):
            return {}
        msg = f"cannot read {path}: {error}; mend or delete it"
        raise ConfigError(msg) from error


def resolve(**explicit: Any) -> Config:
    """Work out the settings from `explicit` values, the environment and the file.

    A value of None in `explicit` means: not given.  ``url=""`` or ``TOKENBUDGET_URL=""`` forces local mode.

    Raises
    ------
    ConfigError
        If a setting is unknown or cannot be used.
    """
    names = {f.name for f in fields(Config)}
    if unknown := set(explicit) - names:
        msg = f"unknown setting {', '.join(sorted(unknown))}: known are {', '.join(sorted(names))}"
        raise ConfigError(msg)
    given = {name: value for name, value in explicit.items() if value is not None}
    home = _expanded(given.pop("home", None) or default_home())
    merged: dict[str, Any] = {k: v for k, v in read_file(home).items() if k in names - {"home"}}
    merged |= {name: os.environ[variable] for name, variable in _ENVIRONMENT.items() if variable in os.environ}
    if _is_disabled():
        merged["enabled"] = False
    merged |= given
    for name in _ENVIRONMENT.keys() & merged:
        merged[name] = str(merged[name]).strip() or None
    if merged.get("url"):
        merged["url"] = merged["url"].rstrip("/")
    for name in ("tz", "fsync", "cap_mib"):
        if merged.get(name) is None:
            merged.pop(name, None)
    if "cap_mib" in merged:
        merged["cap_mib"] = _whole(merged["cap_mib"])
    return Config(home=home, **merged)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        msg = f"cap_mib must be a whole number of mebibytes, got {text!r}"
        raise ConfigError(msg) from None


_explicit: dict[str, Any] = {}
in_force: Config | None = None
_fallback: Config | None = None


def current() -> Config:
    """Return the settings in force, working them out on first use."""
    global in_force  # noqa: PLW0603 (one process has one configuration)
    if in_force is None:
        in_force = resolve(**_explicit)
    return in_force


def for_recording() -> Config:
    """Return the settings in force; where they cannot be used, those that keep events on this machine.

    No call fails or goes unrecorded for an error in ``config.toml``: the journal says what is wrong, once, and
    a question raises the error itself.
    """
    global _fallback  # noqa: PLW0603 (found once: a broken file is not read again for each call)
    try:
        return in_force or _fallback or current()
    except ConfigError:
        _fallback = Config(
            home=_expanded(_explicit.get("home") or default_home()),
            project=_explicit.get("project") or os.environ.get("TOKENBUDGET_PROJECT"),
            enabled=_explicit.get("enabled", not _is_disabled()),
        )
        return _fallback


def _is_disabled() -> bool:
    return os.environ.get("TOKENBUDGET_DISABLED", "").strip().lower() in _TRUE


def configure(  # noqa: PLR0913 (one keyword per setting)
    *,
    url: str | None = None,
    api_key: str | None = None,
    home: str | os.PathLike[str] | None = None,
    project: str | None = None,
    tz: str | None = None,
    enabled: bool | None = None,
    models: dict[str, str] | None = None,
    fsync: Literal["never", "interval", "always"] | None = None,
    cap_mib: int | None = None,
) -> Config:
    """Set what you name, for this process; the rest stays as it was.

    Parameters
    ----------
    url, api_key : str, optional
        The TokenBudget server and the key to it; ``url=""`` forces local mode.
    home : path, optional
        Directory of the journal and the ledger; ``~/.tokenbudget`` by default.
    project : str, optional
        Name that events carry.
    tz : str, optional
        IANA zone whose days periods follow; UTC by default.
    enabled : bool, optional
        False records nothing.
    models : dict, optional
        Deployment or alias to the model whose price it has.
    fsync : {"never", "interval", "always"}, optional
        What a power cut may lose; never (a killed process loses nothing anyway) by default.
    cap_mib : int, optional
        Mebibytes of events that may wait for the server; 1024 by default.

    Returns
    -------
    Config
        The settings now in force.

    Raises
    ------
    ConfigError
        If a setting cannot be used; nothing is changed then.

    Examples
    --------
    >>> import tempfile
    >>> configure(home=tempfile.mkdtemp(), project="demo", tz="Europe/Berlin").project
    'demo'
    """
    global in_force, _explicit, _fallback
    from tokenbudget.core.period import zone

    if tz is not None:
        zone(tz)
    named = {
        "url": url,
        "api_key": api_key,
        "home": home,
        "project": project,
        "tz": tz,
        "enabled": enabled,
        "models": models,
        "fsync": fsync,
        "cap_mib": cap_mib,
    }
    explicit = _explicit | {name: value for name, value in named.items() if value is not None}
    config = resolve(**explicit)
    _explicit, in_force, _fallback = explicit, config, None
    for listener in _listeners:
        listener(config)
    return config


_listeners: list[Any] = []


def on_change(listener: Any) -> None:
    """Call `listener` with the new settings whenever ``configure`` changed them."""
    _listeners.append(listener)


def reset() -> None:
    """Forget what ``configure`` set; for tests."""
    global in_force, _explicit, _fallback
    _explicit, in_force, _fallback = {}, None, None
