"""Tell test doubles from clients: mocks, hand-written fakes, and subclasses that never became a client.

Code that wraps a client wraps its double in unit tests; it has to come back as it is.  A real object that is no client
is different: `wrap` refuses it, because its calls would silently not be measured.
"""

from __future__ import annotations

import re
from functools import reduce
from types import SimpleNamespace
from typing import Any

_SAYS_SO = re.compile(r"fake|mock|stub|dummy|double|(?:^|[._])(?:tests?|testing|conftest)(?:[._]|$)", re.IGNORECASE)
_CALLED_BY = (
    *(
        f"{api}.create"
        for api in ("chat.completions", "responses", "messages", "completions", "embeddings", "beta.messages")
    ),
    *(f"{api}.parse" for api in ("chat.completions", "responses", "messages", "beta.chat.completions")),
    *("images.generate", "audio.transcriptions.create", "audio.speech.create", "messages.stream"),
    *(f"{way}models.generate_content{kind}" for way in ("", "aio.") for kind in ("", "_stream")),
    *(f"chat.{name}{way}" for name in ("complete", "stream") for way in ("", "_async")),
    *("agents.complete", "fim.complete", "ocr.process", "aio.models.embed_content", "models.embed_content"),
    *("converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream"),
)
"""How the clients that are measured are called: a double has at least one of these."""
_EVERYDAY = ("chat", "chat_stream", "embed", "rerank", "completion", "acompletion")
"""The same, by names that objects of all sorts have; they make a double only of what calls itself one."""


def is_mock(thing: Any) -> bool:
    """Return whether this is a mock of ``unittest.mock``, whatever it claims to be an instance of.

    Examples
    --------
    >>> from unittest.mock import MagicMock
    >>> is_mock(MagicMock(spec=int)), is_mock(1)
    (True, False)
    """
    return any(cls.__name__ == "NonCallableMock" and cls.__module__.endswith("mock") for cls in type(thing).__mro__)


def is_fake(thing: Any) -> bool:
    """Return whether something that is no client is a hand-written double of one.

    Examples
    --------
    >>> create = SimpleNamespace(create=print)
    >>> is_fake(SimpleNamespace(chat=SimpleNamespace(completions=create))), is_fake(SimpleNamespace())
    (True, False)
    """
    cls = type(thing)
    says_so = cls is SimpleNamespace or _SAYS_SO.search(f"{cls.__module__}.{cls.__qualname__}") is not None
    # Else only what a script or a notebook defines: a class of a package may be a gateway.
    return any(is_called_by(thing, path) for path in _EVERYDAY if says_so) or (
        (says_so or cls.__module__ == "__main__") and any(is_called_by(thing, path) for path in _CALLED_BY)
    )


def is_called_by(thing: Any, path: str) -> bool:
    """Return whether something has a method, e.g. ``chat.completions.create``."""
    try:
        return callable(reduce(getattr, path.split("."), thing))
    except Exception:  # noqa: BLE001 (a property may raise anything)
        return False
