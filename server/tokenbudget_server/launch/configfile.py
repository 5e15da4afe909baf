"""Write ``config.toml``, where a notebook on this machine finds the server and the key."""

from __future__ import annotations

import json
import os
import re
import tempfile
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from tokenbudget.config import CONFIG_FILE, read_file
from tokenbudget_server.web.errors import SettingsError


def read_key(home: Path) -> str | None:
    """Return the key of an earlier start.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    SettingsError
        If the file is about a server elsewhere: its key is not ours to replace.
    """
    settings = read_file(home)
    url = settings.get("url")
    if isinstance(url, str) and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(
            f"{home / CONFIG_FILE} sends events to {url}. Starting a server here would replace that and its key: "
            "set TOKENBUDGET_HOME to another directory, or remove `url` and `api_key` from the file."
        )
    key = settings.get("api_key")
    return key if isinstance(key, str) else None


def write_config(home: Path, url: str, api_key: str) -> None:
    """Set `url` and `api_key`, leaving all else in the file as it is; only its owner can read it."""
    path = home / CONFIG_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        text = ""
    for name, value in (("api_key", api_key), ("url", url)):
        text = _set(text, name, value)
    # A reader sees the old file or the new one, and no one else ever sees the key.
    descriptor, temporary = tempfile.mkstemp(dir=home, prefix=f".{CONFIG_FILE}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def _set(text: str, name: str, value: str) -> str:
    """Set a key of the top table, which ends where the first other one begins."""
    line = f"{name} = {json.dumps(value)}\n"
    table = re.search(r"^\s*\[", text, re.MULTILINE)
    top, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    changed, count = re.subn(rf"^\s*{name}\s*=.*\n?", lambda _: line, top, flags=re.MULTILINE)
    return (changed if count else line + top) + rest


def is_loopback(host: str) -> bool:
    """Whether a name or an address leads to this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
