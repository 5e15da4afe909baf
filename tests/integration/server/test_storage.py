"""A directory and an object store keep the same promises, alone and with closed days in them."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import polars as pl
import pytest

from tokenbudget_server.launch.prepare import check_ledger
from tokenbudget_server.ledger import files, storage
from tokenbudget_server.ledger.files import DayFiles
from tokenbudget_server.ledger.queries import TYPES, Version
from tokenbudget_server.ledger.storage import Directory, ObjectStore, storage_at
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.errors import SettingsError

DAY = (1, date(2026, 3, 1))
OLD, NEW = Version(2, 1, "0"), Version(3, 2, "0")


@pytest.fixture(params=["directory", "object store"])
def place(request, tmp_path):
    return tmp_path / "ledger" if request.param == "directory" else request.getfixturevalue("s3_url")


@pytest.fixture
def store(place):
    return storage_at(place, "database")


@pytest.fixture
def no_grace(monkeypatch):
    monkeypatch.setattr(files, "_GRACE_SECONDS", 0.0)


def events(count, model="m"):
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [{"id": str(n), "occurred_at": midnight + timedelta(minutes=n), "project_id": 1} for n in range(count)]
    zeros = {name: pl.lit(0) for name in TYPES if name.endswith("_tokens")}
    known = {"api_key_id": pl.lit(7), "model": pl.lit(model), "cost_pico": pl.lit(5), **zeros}
    rest = {name: pl.lit(None) for name in TYPES if name not in {*known, *rows[0]}}
    return pl.DataFrame(rows).with_columns(**known, **rest).cast(TYPES).select(list(TYPES))


def names(store, folder=""):
    return sorted(name for name in store.list(folder))


def test_what_is_kept_is_given_back_and_found_by_polars(store):
    assert names(store) == []
    assert not store.has("1/a.parquet")
    pl.DataFrame({"x": [1, 2]}).write_parquet(content := BytesIO())
    store.put("1/a.parquet", content.getvalue())
    assert store.has("1/a.parquet")
    assert store.get("1/a.parquet") == content.getvalue()
    assert pl.scan_parquet([store.locate("1/a.parquet")], glob=False).collect()["x"].to_list() == [1, 2]


def test_a_folder_is_listed_alone_with_the_times_of_its_files(store):
    for name in ("1/a", "1/b", "11/a"):
        store.put(name, b"")
    assert names(store) == ["1/a", "1/b", "11/a"]
    assert names(store, "1") == ["1/a", "1/b"]
    assert names(store, "2") == []
    assert all(abs(changed - time.time()) < 600 for changed in store.list("1").values())


def test_what_is_missing_is_missing(store):
    with pytest.raises(FileNotFoundError):
        store.get("1/a")
    store.delete("1/a")
    store.put("1/a", b"old")
    store.put("1/a", b"new")
    assert store.get("1/a") == b"new"
    store.delete("1/a")
    assert not store.has("1/a")
    assert names(store) == []


def test_a_reader_sees_a_whole_file_while_it_is_replaced(store):
    contents = [bytes([number]) * 2_000_000 for number in range(4)]
    store.put("1/a", contents[0])
    with ThreadPoolExecutor(1) as pool:
        writing = [pool.submit(store.put, "1/a", content) for content in contents * 4]
        while not all(each.done() for each in writing):
            assert store.get("1/a") in contents
        for each in writing:
            each.result()
    assert names(store) == ["1/a"]


def test_databases_do_not_see_each_other(place):
    storage_at(place, "one").put("1/a", b"")
    assert names(storage_at(place, "other")) == []


def test_a_day_is_found_at_its_version_alone(store):
    written = DayFiles(store).write(DAY, OLD, events(2), horizon=7)
    found = DayFiles(store).find({DAY: OLD, (2, DAY[1]): OLD})
    assert list(found) == [DAY]
    assert found[DAY].horizon == written.horizon == 7
    assert found[DAY].columns == written.columns == set(TYPES)
    assert found[DAY].cube.equals(written.cube)
    assert found[DAY].read().equals(events(2))
    assert found[DAY].is_there
    assert DayFiles(store).find({DAY: NEW}) == {}


def test_the_newest_version_takes_the_place_of_the_others(store):
    DayFiles(store).write(DAY, OLD, events(2), horizon=1)
    old = DayFiles(store).find({DAY: OLD})[DAY]
    DayFiles(store).write(DAY, NEW, events(3), horizon=2)
    assert DayFiles(store).newest(DAY).horizon == 2
    assert DayFiles(store).find({DAY: OLD}) == {}
    assert old.read().height == 2  # A question under way still reads it.
    # Should the version come back, its file is written and counts again.
    DayFiles(store).write(DAY, OLD, events(2), horizon=3)
    assert DayFiles(store).find({DAY: OLD})[DAY].horizon == 3


def test_old_versions_go_after_a_while(store, no_grace):
    DayFiles(store).write(DAY, OLD, events(2), horizon=1)
    DayFiles(store).write(DAY, NEW, events(3), horizon=2)
    assert len(names(store)) == 2  # The day and its cube.
    assert DayFiles(store).find({DAY: NEW})[DAY].horizon == 2


def test_what_no_version_knows_is_swept(store, no_grace):
    DayFiles(store).write(DAY, NEW, events(3), horizon=2)
    kept = names(store)
    for litter in ("9/9.2026-01-01.1-1-0.parquet", "1/half.tmp", "1/1.2020-01-01.1-1-0.parquet.replaced"):
        store.put(litter, b"")
    DayFiles(store).sweep({DAY: NEW})
    assert names(store) == kept
    DayFiles(store).sweep({})
    assert names(store) == []


def test_what_is_young_is_not_swept(store):
    # Another process may know a version that this one has not heard of.
    DayFiles(store).write(DAY, NEW, events(3), horizon=2)
    DayFiles(store).sweep({})
    assert list(DayFiles(store).find({DAY: NEW})) == [DAY]


@pytest.mark.parametrize("damage", [None, b"", b"PAR1 and then nothing"])
def test_a_cube_that_is_lost_or_broken_is_built_again(store, damage):
    written = DayFiles(store).write(DAY, OLD, events(2), horizon=7)
    (cube,) = (name for name in names(store) if name.endswith(".cube"))
    store.delete(cube) if damage is None else store.put(cube, damage)
    found = DayFiles(store).find({DAY: OLD})[DAY]
    assert found.cube.equals(written.cube)
    assert (found.horizon, found.columns) == (7, written.columns)
    assert cube in names(store)


def test_eight_processes_may_write_a_day_at_once(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: DayFiles(store).write(DAY, OLD, events(2), horizon=1), range(8)))
    assert len(names(store)) == 2
    assert DayFiles(store).find({DAY: OLD})[DAY].read().equals(events(2))


def test_a_store_that_does_not_answer_is_left_alone_for_a_while(s3_server, monkeypatch, caplog):
    store = ObjectStore(f"s3://{s3_server.make_bucket()}/ledger")
    sealed = DayFiles(store).write(DAY, OLD, events(2), horizon=7)
    s3_server.stop()
    with pytest.raises(OSError, match="does not answer"):
        store.put("1/a", b"")
    with pytest.raises(OSError, match="did not answer a moment ago"):
        sealed.read()
    assert not sealed.is_there
    assert DayFiles(store).find({DAY: OLD}) == {}
    assert DayFiles(store).newest(DAY) is None
    DayFiles(store).sweep({})
    assert "read from the database" in caplog.text
    s3_server.start()
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + storage._TRUST_SECONDS + 1)
    with pytest.raises(OSError, match=r"NoSuchBucket|not found"):
        store.put("1/a", b"")


def test_a_bucket_that_somebody_cleared_is_noticed_within_a_minute(s3_url, monkeypatch):
    store = ObjectStore(s3_url)
    store.put("1/a", b"")
    assert store.has("1/a")
    ObjectStore(s3_url).delete("1/a")
    assert store.has("1/a")
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + storage._TRUST_SECONDS + 1)
    assert not store.has("1/a")


def test_without_its_library_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(SettingsError, match=r"pip install 'tokenbudget-ledger\[objectstore\]'"):
        check_ledger(Settings(home=tmp_path, ledger_place="s3://bucket/ledger"))


def test_a_directory_that_is_a_file_takes_nothing(tmp_path):
    (tmp_path / "file").touch()
    store = Directory(tmp_path / "file")
    assert names(store) == names(store, "1") == []
    with pytest.raises(OSError, match="file"):
        store.put("1/a", b"")
