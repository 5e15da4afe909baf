"""All settings, in order of precedence.

``tb.configure(...)``, the environment, ``$TOKENBUDGET_HOME/config.toml`` (written by ``tokenbudget up``), then the
defaults: local mode, without a server, where events are stored on this machine.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tokenbudget.core.errors import ConfigError
from tokenbudget.core.key_text import is_sendable

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
        Project that events belong to.
    tz : str
        IANA time zone of the days in periods.
    enabled : bool
        False records nothing; wrapped clients keep working.
    models : dict of str to str
        Deployments and aliases, each with the model whose price it has: ``{"my-deployment": "gpt-4o"}``.
    fsync : {"never", "interval", "always"}
        What a power cut may lose: everything the kernel had not yet written (``never``), the events of about a second
        (``interval``), or nothing (``always``).  A killed process loses nothing in any of the three.
    cap_mib : int
        Mebibytes of events that may wait for the server.  Past that, new events are refused and counted, with a
        warning.
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
        if self.api_key is not None and not is_sendable(self.api_key):
            # Not repeated either.
            msg = "api_key must be one word of ASCII letters and digits, like tb_ak_…: look for a space or a line break"
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
    """Expand ``~``; a user without a home gets a directory that cannot be written."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # As in a container that runs under an unknown user id.
        return Path(os.devnull, *Path(path).parts[1:])


def is_out_of_reach(path: Path) -> bool:
    """Return whether permissions keep this user from entering `path` or a directory above it."""
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
    """Merge `explicit` values, the environment and the file into the settings.

    None in `explicit` means that the value is not given.  ``url=""`` or ``TOKENBUDGET_URL=""`` forces local mode.

    Raises
    ------
    ConfigError
        If a setting is unknown or not valid.
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
    """Return the settings in force; they are resolved on first use."""
    global in_force  # noqa: PLW0603 (one process has one configuration)
    if in_force is None:
        in_force = resolve(**_explicit)
    return in_force


def for_recording() -> Config:
    """Return the settings in force, or settings for local mode if those are not valid.

    An error in ``config.toml`` neither breaks a call nor keeps it from being recorded: the journal logs the error once,
    and queries raise it.
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
    """Change settings for this process; those that are omitted stay as they are.

    Parameters
    ----------
    url, api_key : str, optional
        The TokenBudget server and the key to it; ``url=""`` forces local mode.
    home : path, optional
        Directory of the journal and the ledger; ``~/.tokenbudget`` by default.
    project : str, optional
        Project that events belong to.
    tz : str, optional
        IANA time zone of the days in periods; UTC by default.
    enabled : bool, optional
        False records nothing.
    models : dict, optional
        Deployments and aliases, each with the model whose price it has.
    fsync : {"never", "interval", "always"}, optional
        How much a power cut may lose (see `Config`); ``never`` by default.  A killed process loses nothing in any case.
    cap_mib : int, optional
        Mebibytes of events that may wait for the server; 1024 by default.

    Returns
    -------
    Config
        The settings now in force.

    Raises
    ------
    ConfigError
        If a setting is not valid; no setting is changed then.

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
    """Call `listener` with the new settings each time ``configure`` has changed them."""
    _listeners.append(listener)


def reset() -> None:
    """Forget what ``configure`` set; for tests."""
    global in_force, _explicit, _fallback
    _explicit, in_force, _fallback = {}, None, None
