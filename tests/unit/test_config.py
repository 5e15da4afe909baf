import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tokenbudget import config
from tokenbudget.core.errors import ConfigError, PeriodError
from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import read
from tokenbudget.recording import recorder

VARIABLES = ("URL", "API_KEY", "HOME", "PROJECT", "TZ", "DISABLED", "FSYNC", "CAP_MIB")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in VARIABLES:
        monkeypatch.delenv(f"TOKENBUDGET_{name}", raising=False)
    monkeypatch.setenv("TOKENBUDGET_HOME", str(tmp_path))
    config.reset()
    yield
    config.reset()


def write(home: Path, text: str) -> None:
    (home / config.CONFIG_FILE).write_text(text, "utf-8")


def test_without_any_setting_all_stays_on_this_machine(tmp_path: Path) -> None:
    assert config.current() == config.Config(home=tmp_path)


def test_configure_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'url = "http://file"\napi_key = "k-file"\nproject = "p-file"\nunknown = 1\n')
    monkeypatch.setenv("TOKENBUDGET_API_KEY", "k-env")
    monkeypatch.setenv("TOKENBUDGET_PROJECT", "p-env")
    settings = config.configure(project="p-call")
    assert (settings.url, settings.api_key, settings.project) == ("http://file", "k-env", "p-call")


def test_what_configure_set_stays_until_set_again(tmp_path: Path) -> None:
    config.configure(url="http://one/", project="a")
    assert (config.configure(project="b").url, config.current().project) == ("http://one", "b")


def test_a_user_without_a_home_has_one_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENBUDGET_HOME")
    monkeypatch.setenv("TOKENBUDGET_URL", "http://server")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    settings = config.current()
    assert (settings.url, settings.home) == ("http://server", Path(os.devnull, ".tokenbudget"))
    with pytest.raises(OSError, match=str(settings.home)):
        settings.home.mkdir(parents=True)


def test_what_is_in_a_home_of_somebody_else_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def denied(path: Path, *arguments: object, **more: object) -> object:
        if path.name == config.CONFIG_FILE:
            raise PermissionError(13, "Permission denied")
        return stat(path, *arguments, **more)

    write(tmp_path, "not toml")
    with pytest.raises(ConfigError, match="mend or delete it"):
        config.resolve()
    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(ConfigError, match="Permission denied"):
        config.resolve()  # The file alone: it may be meant for this user.
    monkeypatch.setattr(Path, "stat", denied)
    monkeypatch.setenv("TOKENBUDGET_URL", "http://server")
    assert config.resolve().url == "http://server"


@pytest.mark.parametrize("how", ["call", "environment"])
def test_an_empty_url_forces_local_mode(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'url = "http://file"')
    if how == "call":
        config.configure(url="")
    else:
        monkeypatch.setenv("TOKENBUDGET_URL", "")
    assert config.current().url is None


@pytest.mark.parametrize(("value", "enabled"), [("1", False), ("true", False), ("0", True), ("", True)])
def test_the_environment_can_disable(value: str, enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENBUDGET_DISABLED", value)
    assert config.current().enabled is enabled


def test_a_bad_setting_changes_nothing() -> None:
    config.configure(project="kept")
    with pytest.raises(ConfigError, match="http://"):
        config.configure(url="localhost:8321", project="lost")
    with pytest.raises(PeriodError, match="time zone"):
        config.configure(tz="Nowhere", project="lost")
    assert config.current().project == "kept"


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "url = ")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        config.current()


@pytest.mark.parametrize("how", ["file", "environment"])
def test_what_cannot_be_used_keeps_events_on_this_machine(how: str, tmp_path: Path, monkeypatch) -> None:
    if how == "file":
        write(tmp_path, "url = ")
    else:
        monkeypatch.setenv("TOKENBUDGET_URL", "localhost:8321")
    monkeypatch.setenv("TOKENBUDGET_PROJECT", "p")
    monkeypatch.setattr(recorder, "_recorder", None)
    recorder.record(Event(id=uuid7(), occurred_at=datetime.now(UTC), provider="openai", model="gpt-4o-mini"))
    recorder.shutdown()
    assert [event.model for event in read(tmp_path)] == ["gpt-4o-mini"]
    assert config.for_recording() == config.Config(home=tmp_path, project="p")
    with pytest.raises(ConfigError):
        config.current()


def test_a_mended_file_holds_after_configure(tmp_path: Path) -> None:
    write(tmp_path, "url = ")
    assert config.for_recording().url is None
    write(tmp_path, 'url = "http://mended"')
    config.configure(project="p")
    assert config.for_recording() == config.current()
    assert config.current().url == "http://mended"


def test_the_key_is_not_shown() -> None:
    assert "tb_ak" not in repr(config.Config(home=Path(), api_key="tb_ak_secret"))


def test_listeners_hear_of_changes() -> None:
    heard: list[config.Config] = []
    config.on_change(heard.append)
    config.configure(project="x")
    assert heard[-1].project == "x"
    config._listeners.remove(heard.append)


def test_the_journal_follows_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENBUDGET_FSYNC", "interval")
    write(tmp_path, "cap_mib = 5")
    journal = recorder.Recorder(config.configure(fsync="always"))._journal
    assert (journal.options.fsync, journal.options.cap_bytes) == ("always", 5 << 20)
    journal.close()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("FSYNC", "often", "never, interval, always"), ("CAP_MIB", "1G", "1G"), ("CAP_MIB", "0", "1")],
)
def test_a_setting_of_the_journal_that_cannot_be_is_named(name, value, said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TOKENBUDGET_{name}", value)
    with pytest.raises(ConfigError, match=said):
        config.current()


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="api_key") as caught:
        config.configure(url="https://ana:secret@tokens.example/x@y")
    assert "secret" not in str(caught.value)
    assert config.configure(url="https://tokens.example/x@y").url == "https://tokens.example/x@y"
