"""Files that are torn, corrupted, deleted; disks that are full or read-only."""

import os
import shutil
import subprocess

import pytest

from tests.faults.host import delivered, event
from tokenbudget.journal import Journal, status
from tokenbudget.journal.writing import writer


@pytest.fixture
def small_disk(client):
    """Mount a disk of 256 KiB as the client's home."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    client.home.mkdir()
    mount("-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", client.home)
    yield client.home
    subprocess.run(["umount", "-l", str(client.home)], check=True)


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


def abandoned(client, count):
    """Leave a segment of `count` events as a process that died does."""
    journal = Journal(client.home, sends=lambda: True)
    for number in range(count):
        journal.append(event("left", number))
    path = journal.live_segment()
    journal.close()
    return path


def test_a_torn_tail(client, evidence):
    path = abandoned(client, 50)
    path.write_bytes(path.read_bytes()[:-100])
    evidence.deliver_the_rest()
    assert evidence.check({"left": 49}) == 49
    assert status(client.home).torn == 1


def test_a_corrupted_byte(client, evidence):
    path = abandoned(client, 50)
    data = bytearray(path.read_bytes())
    start = data.index(b'"left/20"')
    data[start - 5] ^= 0x10
    path.write_bytes(data)
    evidence.deliver_the_rest()
    assert evidence.check({"left": 50}, missing=["left/20"]) == 49
    assert status(client.home).torn == 1


def test_a_deleted_directory(host, evidence, client, network, monkeypatch):
    monkeypatch.setattr(writer, "_CHECK_SECONDS", 3600.0)
    with network.outage():
        host.record(50)
        shutil.rmtree(client.home / "journal")
        host.record(50)
        host.journal.rotate()
    assert host.shipper.flush(30)
    # The first two had been seen on disk: they went with the directory, as whoever deleted it wished.
    assert evidence.check({"host": 100}, missing=["host/0", "host/1"]) == 98


def test_a_full_disk(small_disk, host, evidence, network, caplog):
    with network.outage():
        host.record(1_500)
        assert len(host.journal.held()) > 100
        assert len([r for r in caplog.records if "No space left" in r.message]) == 1
    assert delivered(host, evidence)
    assert host.journal.held() == []
    host.record(10)
    assert delivered(host, evidence)


def test_a_read_only_home(small_disk, host, evidence):
    host.record(10)
    assert host.shipper.flush(30)
    host.journal.rotate()
    mount("-o", "remount,ro", small_disk)
    host.record(100)
    assert len(host.journal.held()) > 0 or host.shipper.flush(30)
    assert host.shipper.flush(30)
    assert evidence.check({"host": 110}) == 110  # Shipped from memory.
    mount("-o", "remount,rw", small_disk)
    host.record(10)
    assert delivered(host, evidence)


def test_a_home_that_was_never_there(host, evidence, network, client):
    client.home.write_text("in the way")
    with network.outage():
        host.record(700)
        found = status(client.home)
        assert (found.pending, found.held) == (700, 700)
        assert "until the server has them" in found.problem
    assert delivered(host, evidence)
    found = status(client.home)
    assert (found.pending, found.held, found.shipped) == (0, 0, 700)
