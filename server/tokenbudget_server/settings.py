"""Settings of the server: one place, read from the environment once.

=============================  =====================================================  =============================
variable                       meaning                                                default
=============================  =====================================================  =============================
``TOKENBUDGET_DATABASE_URL``   the Postgres to use                                    ``tokenbudget up`` brings its own
``TOKENBUDGET_REDIS_URL``      shared memory of several processes                     each process has its own
``TOKENBUDGET_RETENTION``      how long events are kept, e.g. ``400d``                ``forever``
``TOKENBUDGET_HOME``           directory of the embedded Postgres, the closed days    ``~/.tokenbudget``
                               and ``config.toml``
``TOKENBUDGET_LEDGER``         where closed days are kept: a directory, or            a directory in the home
                               ``s3://bucket/prefix``, ``gs://…``, ``az://…``
``TOKENBUDGET_MEMORY``         what each process may use for answers, e.g. ``512M``    half of the machine's
``TOKENBUDGET_HOST``           address to listen on                                   ``127.0.0.1``
``TOKENBUDGET_PORT``           port of the API and of the dashboard                   ``8321``
``TOKENBUDGET_PANEL_PORT``     port of the Panel dashboard                            ``8322``
``TOKENBUDGET_DEMO``           whether the demo project's numbers are shown           ``0``
``TOKENBUDGET_ADMIN_KEY``      what ``X-Admin-Key`` must be, 16 characters or more;   the admin's routes are closed
                               ``ADMIN_KEY`` too
``TOKENBUDGET_AUTH``           ``none`` for one user on this machine, who never       ``required``
                               signs in; refused on other addresses
``TOKENBUDGET_PROXIES``        proxies of yours that each request passes, one after   ``0``
                               the other: ``X-Forwarded-For`` is believed so far
``TOKENBUDGET_RATE_LIMIT``     how often one key or session may ask, all at once or      ``3000/s``
                               not: ``3000/s``, ``500/10s``, ``100/m``, ``off``
``TOKENBUDGET_ADDRESS_LIMIT``  how often one address may ask that is not let in, or    ``300/3s``
                               for what needs no key
``TOKENBUDGET_PRICE_URL``      where the price table is fetched from                  LiteLLM's own
``TOKENBUDGET_PRICE_SYNC``     ``daily`` fetches it once a day                        ``off``
=============================  =====================================================  =============================

``TOKENBUDGET_ALLOWED_ORIGINS`` (or ``ALLOWED_ORIGINS``) names, with commas between them, the origins whose pages may
read answers with a key of their own: only the server's own pages when left out; ``*`` on loopback alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tokenbudget.config import default_home
from tokenbudget.pricing.book.sync import URL
from tokenbudget_server.db.url import psycopg_url
from tokenbudget_server.web.cors import ANY, is_origin
from tokenbudget_server.web.errors import SettingsError
from tokenbudget_server.web.rates import Rate, read_rate

PORT = 8321
PANEL_PORT = 8322
_LARGEST_PORT = 65_535
_KEY_LIMIT = Rate("requests of one key", 3_000, 1)
_ADDRESS_LIMIT = Rate("requests without a valid key from one address", 300, 3)
_SHORTEST_ADMIN_KEY = 16
_MOST_PROXIES = 16
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
"""Addresses that only this machine reaches."""
_SMALLEST_MEMORY = 128 << 20
_OBJECT_STORES = {"s3", "gs", "az"}
_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings in force.

    Attributes
    ----------
    home : Path
    database_url : str or None
        None means that the embedded Postgres is to be started.
    ledger_place : str or None
        Where closed days are kept: a directory, or the URL of an object store; None means in the home.
    redis_url : str or None
    memory_size : int or None
        Bytes that each process may use for answers; None is a part of what the machine has.
    retention : timedelta or None
        How long events are kept; None keeps them forever.
    host : str
    port, panel_port : int
    demo : bool
        Whether the demo project's numbers are shown.
    admin_key : str or None
        What the header ``X-Admin-Key`` must be; None closes the routes that ask for it.
    requires_sign_in : bool
        Whether requests need a credential; where not, whoever is on this machine is the first owner.
    proxies : int
        Proxies of ours that a request passes, one after the other.
    key_limit, address_limit : Rate or None
        How often one key or session may ask, and one address that is not let in; None is without end.
    allowed_origins : tuple of str
        Origins whose pages may read answers; ``*`` is all, on loopback only.
    price_url : str
        Where the price table is fetched from.
    syncs_prices : bool
        Whether it is fetched every day.
    """

    home: Path
    database_url: str | None = None
    ledger_place: str | None = None  # No union of Path: Litestar hands settings on by their types.
    redis_url: str | None = None
    memory_size: int | None = None
    retention: timedelta | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    panel_port: int = PANEL_PORT
    demo: bool = False
    admin_key: str | None = field(default=None, repr=False)
    requires_sign_in: bool = True
    proxies: int = 0
    key_limit: Rate | None = _KEY_LIMIT
    address_limit: Rate | None = _ADDRESS_LIMIT
    allowed_origins: tuple[str, ...] = ()
    price_url: str = URL
    syncs_prices: bool = False

    def __post_init__(self) -> None:
        """Check what settings say together; also where one is replaced by an option of a command."""
        if ANY in self.allowed_origins and self.host not in LOOPBACK:
            raise SettingsError(
                "TOKENBUDGET_ALLOWED_ORIGINS=* is for development on 127.0.0.1: name the origins whose pages may read "
                f"answers, as the server listens on {self.host}"
            )

        if not self.requires_sign_in and (self.host not in LOOPBACK or self.proxies):
            where = f"listens on {self.host}" if self.host not in LOOPBACK else "is behind a proxy"
            raise SettingsError(
                "TOKENBUDGET_AUTH=none is for one user on 127.0.0.1: leave it out, so that people sign in, as the "
                f"server {where}"
            )

    @property
    def database(self) -> str:
        """The database's URL.

        Raises
        ------
        SettingsError
            If there is none.
        """
        if self.database_url is None:
            raise SettingsError(
                "TOKENBUDGET_DATABASE_URL is not set. Set it to your Postgres "
                "(postgresql://user:password@host:5432/database), or run `tokenbudget up`, which brings its own."
            )
        return self.database_url

    @property
    def ledger(self) -> Path | str:
        """The directory or the URL of the closed days."""
        if self.ledger_place is None:
            return self.home / "ledger" / "server"
        return self.ledger_place if "://" in self.ledger_place else Path(self.ledger_place)

    def oldest(self, now: datetime) -> datetime | None:
        """Return the time before which events are not kept; None where all are."""
        return None if self.retention is None else now - self.retention


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    SettingsError
        If a variable cannot be used; the message names it, its value and what was expected.

    Examples
    --------
    >>> read_settings({"TOKENBUDGET_RETENTION": "400d", "TOKENBUDGET_PORT": "9000"}).retention.days
    400
    """

    def read(name: str) -> str:
        return environment.get(f"TOKENBUDGET_{name}", "").strip()

    database_url = read("DATABASE_URL")
    return Settings(
        home=Path(read("HOME") or default_home()).expanduser(),
        database_url=psycopg_url(database_url) if database_url else None,
        ledger_place=_ledger_place(read("LEDGER")),
        redis_url=_redis_url(read("REDIS_URL")),
        memory_size=_size("TOKENBUDGET_MEMORY", read("MEMORY")),
        retention=_retention(read("RETENTION")),
        host=read("HOST") or "127.0.0.1",
        port=_port("TOKENBUDGET_PORT", read("PORT"), PORT),
        panel_port=_port("TOKENBUDGET_PANEL_PORT", read("PANEL_PORT"), PANEL_PORT),
        demo=_switch("TOKENBUDGET_DEMO", read("DEMO")),
        admin_key=_admin_key(read("ADMIN_KEY") or environment.get("ADMIN_KEY", "").strip()),
        requires_sign_in=_requires_sign_in(read("AUTH")),
        proxies=_proxies(read("PROXIES")),
        key_limit=_rate("TOKENBUDGET_RATE_LIMIT", read("RATE_LIMIT"), _KEY_LIMIT),
        address_limit=_rate("TOKENBUDGET_ADDRESS_LIMIT", read("ADDRESS_LIMIT"), _ADDRESS_LIMIT),
        allowed_origins=_origins(read("ALLOWED_ORIGINS") or environment.get("ALLOWED_ORIGINS", "")),
        price_url=_price_url(read("PRICE_URL")),
        syncs_prices=_is_daily(read("PRICE_SYNC")),
    )


def _ledger_place(text: str) -> str | None:
    parts = urlsplit(text)
    if "://" not in text:
        return str(Path(text).expanduser()) if text else None
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return unquote(parts.path)
    if parts.scheme not in _OBJECT_STORES or not parts.netloc or parts.query or "@" in parts.netloc:
        raise SettingsError(
            "TOKENBUDGET_LEDGER must be a directory, s3://bucket/prefix, gs://… or az://… (keys belong into the "
            f"environment), got {parts.scheme}://{parts.netloc.rpartition('@')[2][:64]}…"
        )
    return text.rstrip("/")


def _redis_url(text: str) -> str | None:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(f"TOKENBUDGET_REDIS_URL must start with redis://, rediss:// or unix://, got {text!r}")
    return text or None


def _retention(text: str) -> timedelta | None:
    if text in ("", "forever"):
        return None
    if not (match := re.fullmatch(r"([1-9]\d{0,4})d", text)):
        raise SettingsError(f"TOKENBUDGET_RETENTION must be a number of days such as 400d, or forever, got {text!r}")
    return timedelta(days=int(match[1]))


def _size(name: str, text: str) -> int | None:
    if not text:
        return None
    if not (match := re.fullmatch(r"([1-9]\d{0,5})([MG])", text)):
        raise SettingsError(f"{name} must be a number of megabytes or gigabytes such as 512M or 2G, got {text[:32]!r}")
    size = int(match[1]) << {"M": 20, "G": 30}[match[2]]
    if size < _SMALLEST_MEMORY:
        raise SettingsError(f"{name} must be at least 128M, got {text}")
    return size


def _port(name: str, text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_PORT):
        raise SettingsError(f"{name} must be a port from 1 to {_LARGEST_PORT}, got {text!r}")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise SettingsError(f"{name} must be 1 or 0, got {text!r}")
    return text.lower() in _YES


def _admin_key(text: str) -> str | None:
    if text and len(text) < _SHORTEST_ADMIN_KEY:
        raise SettingsError(f"TOKENBUDGET_ADMIN_KEY must have at least {_SHORTEST_ADMIN_KEY} characters")
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(
            "TOKENBUDGET_ADMIN_KEY must be of ASCII letters, digits and signs: others no header carries"
        )
    return text or None


def _requires_sign_in(text: str) -> bool:
    if text.lower() not in {"", "required", "none"}:
        raise SettingsError(f"TOKENBUDGET_AUTH must be required or none, got {text[:64]!r}")
    return text.lower() != "none"


def _proxies(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and int(text) <= _MOST_PROXIES):
        raise SettingsError(f"TOKENBUDGET_PROXIES must be a number from 0 to {_MOST_PROXIES}, got {text!r}")
    return int(text or 0)


def _rate(variable: str, text: str, default: Rate) -> Rate | None:
    if text.lower() in ("", "off"):
        return None if text else default
    if (rate := read_rate(default.name, text)) is None:
        raise SettingsError(f"{variable} must be a limit such as 3000/s or 500/10s, or off, got {text[:32]!r}")
    return rate


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if origin != ANY and not is_origin(origin):
            raise SettingsError(
                "TOKENBUDGET_ALLOWED_ORIGINS must be origins such as https://costs.example.org, with commas between "
                f"them and nothing after the host and the port, got {origin[:64]!r}"
            )
    return origins


def _price_url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise SettingsError(f"TOKENBUDGET_PRICE_URL must start with http:// or https://, got {text[:64]!r}")
    return text or URL


def _is_daily(text: str) -> bool:
    if text.lower() not in {"", "off", "daily"}:
        raise SettingsError(f"TOKENBUDGET_PRICE_SYNC must be daily or off, got {text!r}")
    return text.lower() == "daily"
