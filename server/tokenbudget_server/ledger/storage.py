"""Where closed days are kept: a directory, or an object store that several machines share.

Either takes a file whole or not at all, and never shows half of one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tokenbudget.journal.files import sync_file
from tokenbudget_server.web.errors import SettingsError

_AWAY_SECONDS = 30.0
"""How long an object store that did not answer is left alone: a question must not wait for it day by day."""
_TRUST_SECONDS = 60.0
"""How long what an object store was seen to hold is taken to be there."""
_CONNECT_SECONDS = 3
_RETRIES = 2
_RETRY_SECONDS = 10


class Storage(Protocol):
    """Files by name: ``folder/file``, with one level of folders.  All but `locate` raise OSError where it fails."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a file, in the place of one of that name."""

    def get(self, name: str) -> bytes:
        """Return a file's content; FileNotFoundError where there is none."""

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""

    def list(self, folder: str = "") -> Mapping[str, float]:
        """Return the names in a folder, or in all, with the time of the last change in seconds since 1970."""

    def has(self, name: str) -> bool:
        """Return whether a file can be read; asked often, so it must be cheap, and never raises."""

    def locate(self, name: str) -> str:
        """Return the path or URL at which polars finds a file."""

    @property
    def patience(self) -> dict[str, Any] | None:
        """How polars is to scan files (its ``storage_options``), so that it waits no longer than we do."""

    def look_again(self) -> None:
        """Do not trust what was seen before: some of it turned out to be gone."""


class Directory:
    """Files in a directory of this machine.

    Parameters
    ----------
    path : Path
        Made when the first file is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def put(self, name: str, content: bytes) -> None:
        """Write under another name, sync, and put it in its place at once."""
        path = self._path / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
        try:
            temporary.write_bytes(content)
            sync_file(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, name: str) -> bytes:
        """Return a file's content."""
        return (self._path / name).read_bytes()

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._path / name).unlink(missing_ok=True)

    def list(self, folder: str = "") -> Mapping[str, float]:
        """Return the names in a folder, or in all, with the times of their last change."""
        found = {}
        for path in self._path.glob(f"{folder or '*'}/*"):
            with suppress(FileNotFoundError):  # Another process was first.
                found[f"{path.parent.name}/{path.name}"] = path.stat().st_mtime
        return found

    def has(self, name: str) -> bool:
        """Return whether a file is there."""
        return (self._path / name).exists()

    def locate(self, name: str) -> str:
        """Return a file's path."""
        return str(self._path / name)

    @property
    def patience(self) -> None:
        """A disk answers at once."""

    def look_again(self) -> None:
        """Nothing to do: every look is a new one."""


class ObjectStore:
    """Files in a bucket.

    Its endpoint and keys are read from the environment (``AWS_…``, ``GOOGLE_…``, ``AZURE_…``) by both libraries that
    go there: obstore, and polars when it scans.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, ``gs://…`` or ``az://…``.

    Raises
    ------
    SettingsError
        If the library for it is not installed, or the URL or the environment cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._store = _open(self._url)
        self._away_until = 0.0
        self._seen: dict[str, tuple[float, set[str]]] = {}

    def __str__(self) -> str:
        return self._url

    def put(self, name: str, content: bytes) -> None:
        """Keep a file: an object appears whole."""
        with self._asking():
            self._store.put(name, content)
        self._recent(name)[1].add(name)

    def get(self, name: str) -> bytes:
        """Return a file's content."""
        with self._asking():
            return bytes(self._store.get(name).bytes())

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._asking(), suppress(FileNotFoundError):
            self._store.delete(name)
        self._recent(name)[1].discard(name)

    def list(self, folder: str = "") -> Mapping[str, float]:
        """Return the names in a folder, or in all, with the times of their last change."""
        with self._asking():
            found = {
                item["path"]: item["last_modified"].timestamp()
                for some in self._store.list(folder or None)
                for item in some
            }
        if folder:
            self._seen[folder] = time.monotonic(), set(found)
        return found

    def has(self, name: str) -> bool:
        """Return whether a file was there within the last minute, and the store answers as far as is known."""
        if time.monotonic() < self._away_until:
            return False
        seen_at, names = self._recent(name)
        if time.monotonic() > seen_at + _TRUST_SECONDS:
            with suppress(OSError):
                return name in self.list(_folder(name))
            return False
        return name in names

    def locate(self, name: str) -> str:
        """Return a file's URL."""
        return f"{self._url}/{name}"

    @property
    def patience(self) -> dict[str, Any]:
        """Left to itself, polars tries nine times within 30 s."""
        return {
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "max_retries": _RETRIES,
            "retry_timeout_ms": _RETRY_SECONDS * 1000,
        }

    def look_again(self) -> None:
        """Have the next `has` list what there is."""
        self._seen.clear()

    def _recent(self, name: str) -> tuple[float, set[str]]:
        return self._seen.setdefault(_folder(name), (float("-inf"), set()))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        if time.monotonic() < self._away_until:
            raise OSError(f"{self._url} did not answer a moment ago")
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            raise OSError(f"{self._url} does not answer: {_first_line(error)}") from error


@cache
def storage_at(place: Path | str, folder: str) -> Storage:
    """Return this process's storage in a folder of a directory or of an object store.

    Raises
    ------
    SettingsError
        If it is an object store and the library for it is not installed, or it cannot be used.
    """
    return Directory(place / folder) if isinstance(place, Path) else ObjectStore(f"{place}/{folder}")


def _open(url: str) -> Any:
    try:
        from obstore.store import from_url
    except ImportError:
        raise SettingsError(
            f"TOKENBUDGET_LEDGER is {url}, which needs the package obstore: "
            "pip install 'tokenbudget-ledger[objectstore]'"
        ) from None
    from datetime import timedelta

    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    try:
        return from_url(
            url,
            client_options={"timeout": "60s", "connect_timeout": f"{_CONNECT_SECONDS}s", "allow_http": plain},
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
        )
    except Exception as error:
        raise SettingsError(f"TOKENBUDGET_LEDGER is {url}, which cannot be used: {_first_line(error)}") from error


def _folder(name: str) -> str:
    return name.partition("/")[0]


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
