"""A server that speaks the S3 protocol, in a process of its own, started when first asked for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count

import pytest

from tests.plugins.ports import free_port

_PATIENCE_SECONDS = 60
_numbers = count(1)
_KEYS = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_REGION": "us-east-1"}


class S3Server:
    """A running server; what it holds goes with it."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What tells obstore and polars where it is."""
        return {**_KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ALLOW_HTTP": "true"}

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def make_bucket(self) -> str:
        import boto3

        name = f"bucket-{os.getpid()}-{next(_numbers)}"
        keys = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=self.environment["AWS_ENDPOINT_URL"], **keys).create_bucket(Bucket=name)
        return name


@contextmanager
def _running():
    server = S3Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def _s3_server():
    pytest.importorskip("moto")
    with _running() as server:
        yield server


@pytest.fixture
def s3_url(_s3_server, monkeypatch):
    """URL in a bucket of this test's own; the environment says where it is."""
    for name, value in _s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{_s3_server.make_bucket()}/ledger"


@pytest.fixture
def s3_server(monkeypatch):
    """A server of this test's own, which it may stop; the environment says where it is."""
    pytest.importorskip("moto")
    with _running() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
