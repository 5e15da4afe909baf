"""Which HTTP library to speak through."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


def http_library() -> Any:
    """Return httpx2 where it is installed, else httpx; they are alike in what we use.

    openai 3, which speaks through httpx2, looks for a loaded httpx in every request.  Importing httpx here, on another
    thread, would let it find one half imported and fail the user's call.
    """
    return importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") is not None else "httpx")
