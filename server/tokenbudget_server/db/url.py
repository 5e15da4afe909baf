"""The database's address, as each library wants it."""

from __future__ import annotations

from tokenbudget_server.web.errors import SettingsError

_SCHEMES = ("postgresql+psycopg://", "postgresql://", "postgres://")


def psycopg_url(url: str) -> str:
    """Return `url` as libpq and psycopg take it.

    Raises
    ------
    SettingsError
        If it is not the address of a Postgres.

    Examples
    --------
    >>> psycopg_url("postgres://localhost/tokenbudget")
    'postgresql://localhost/tokenbudget'
    """
    for scheme in _SCHEMES:
        if url.startswith(scheme):
            return "postgresql://" + url.removeprefix(scheme)
    scheme = url.partition("://")[0]
    raise SettingsError(
        f"TOKENBUDGET_DATABASE_URL starts with {scheme[:32]!r}, but TokenBudget needs Postgres: "
        "use postgresql://user:password@host:5432/database"
    )


def sqlalchemy_url(url: str) -> str:
    """Return `url` as SQLAlchemy takes it; psycopg is the driver of both its synchronous and its asynchronous engine.

    Examples
    --------
    >>> sqlalchemy_url("postgresql://localhost/tokenbudget")
    'postgresql+psycopg://localhost/tokenbudget'
    """
    return psycopg_url(url).replace("postgresql://", "postgresql+psycopg://", 1)
