from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tokenbudget_server.settings import Settings, read_settings
from tokenbudget_server.web.errors import SettingsError
from tokenbudget_server.web.rates import Rate


def test_defaults():
    settings = read_settings({"TOKENBUDGET_HOME": "/somewhere"})
    assert settings == Settings(home=Path("/somewhere"))
    assert (settings.host, settings.port, settings.panel_port) == ("127.0.0.1", 8321, 8322)


def test_everything_is_read():
    settings = read_settings(
        {
            "TOKENBUDGET_HOME": "~/tb",
            "TOKENBUDGET_DATABASE_URL": "postgres://db/tb",
            "TOKENBUDGET_REDIS_URL": "redis://cache",
            "TOKENBUDGET_RETENTION": "400d",
            "TOKENBUDGET_MEMORY": "512M",
            "TOKENBUDGET_HOST": "0.0.0.0",
            "TOKENBUDGET_PORT": "80",
            "TOKENBUDGET_PANEL_PORT": "81",
            "TOKENBUDGET_DEMO": "Yes",
            "TOKENBUDGET_RATE_LIMIT": "500/10s",
            "TOKENBUDGET_ADDRESS_LIMIT": "off",
        }
    )
    assert settings == Settings(
        key_limit=Rate("requests of one key", 500, 10),
        address_limit=None,
        home=Path.home() / "tb",
        database_url="postgresql://db/tb",
        redis_url="redis://cache",
        retention=timedelta(days=400),
        memory_size=512 << 20,
        host="0.0.0.0",
        port=80,
        panel_port=81,
        demo=True,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "sqlite:///tb.db"),
        ("DATABASE_URL", "localhost"),
        ("LEDGER", "http://bucket/ledger"),
        ("LEDGER", "s3://"),
        ("LEDGER", "file://elsewhere/ledger"),
        ("REDIS_URL", "http://cache"),
        ("MEMORY", "512"),
        ("MEMORY", "64M"),
        ("RETENTION", "400"),
        ("RETENTION", "0d"),
        ("RETENTION", "-1d"),
        ("RATE_LIMIT", "3000"),
        ("RATE_LIMIT", "0/s"),
        ("ADDRESS_LIMIT", "100/d"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("PANEL_PORT", "²"),
        ("DEMO", "maybe"),
        ("ALLOWED_ORIGINS", "costs.example.org"),
        ("ALLOWED_ORIGINS", "https://costs.example.org/"),
        ("ALLOWED_ORIGINS", "https://*.example.org"),
        ("ALLOWED_ORIGINS", "null"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value(variable, value):
    with pytest.raises(SettingsError, match=f"TOKENBUDGET_{variable}") as caught:
        read_settings({f"TOKENBUDGET_{variable}": value})
    assert value.partition("://")[0] in str(caught.value)


def test_pages_of_all_origins_may_read_answers_on_this_machine_only():
    settings = read_settings({"TOKENBUDGET_ALLOWED_ORIGINS": "*, http://localhost:5173"})
    assert settings.allowed_origins == ("*", "http://localhost:5173")
    assert read_settings({"ALLOWED_ORIGINS": "https://[::1]:8443"}).allowed_origins == ("https://[::1]:8443",)
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0"):
        replace(settings, host="0.0.0.0")
    with pytest.raises(SettingsError, match="name the origins"):
        read_settings({"TOKENBUDGET_ALLOWED_ORIGINS": "*", "TOKENBUDGET_HOST": "10.0.0.7"})


@pytest.mark.parametrize(("variable", "value"), [("HOST", "0.0.0.0"), ("HOST", "10.0.0.7"), ("PROXIES", "1")])
def test_nobody_signs_in_on_this_machine_only(variable, value):
    assert read_settings({}).requires_sign_in
    settings = read_settings({"TOKENBUDGET_AUTH": "none"})
    assert not settings.requires_sign_in
    with pytest.raises(SettingsError, match="TOKENBUDGET_AUTH=none is for one user on"):
        read_settings({"TOKENBUDGET_AUTH": "none", f"TOKENBUDGET_{variable}": value})
    with pytest.raises(SettingsError, match="TOKENBUDGET_AUTH=none is for one user on"):
        replace(settings, host="0.0.0.0")  # By an option of a command.


def test_a_password_is_not_told():
    with pytest.raises(SettingsError) as caught:
        read_settings({"TOKENBUDGET_DATABASE_URL": "mysql://me:secret@db/tb"})
    assert "secret" not in str(caught.value)


def test_without_a_database_it_says_what_to_do():
    with pytest.raises(SettingsError, match="tokenbudget up"):
        _ = Settings(home=Path()).database


def test_retention():
    now = datetime(2026, 10, 5, tzinfo=UTC)
    assert Settings(home=Path()).oldest(now) is None
    assert Settings(home=Path(), retention=timedelta(days=4)).oldest(now) == datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", Path("/home/ledger/server")),
        ("/var/ledger", Path("/var/ledger")),
        ("~/ledger", Path.home() / "ledger"),
        ("file:///var/my%20ledger", Path("/var/my ledger")),
        ("s3://bucket/some/prefix/", "s3://bucket/some/prefix"),
        ("gs://bucket", "gs://bucket"),
        ("az://container/ledger", "az://container/ledger"),
    ],
)
def test_closed_days_are_kept_in_a_directory_or_an_object_store(text, place):
    assert read_settings({"TOKENBUDGET_HOME": "/home", "TOKENBUDGET_LEDGER": text}).ledger == place


def test_keys_in_the_url_of_an_object_store_are_refused_and_not_repeated():
    with pytest.raises(SettingsError, match="bucket") as caught:
        read_settings({"TOKENBUDGET_LEDGER": "s3://key:secret@bucket/ledger"})
    assert "secret" not in str(caught.value)
