"""Answers whose money is a JSON number with every digit."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response
from litestar.serialization import default_serializer
from litestar.types import Serializer

_encode = msgspec.json.Encoder(enc_hook=default_serializer, decimal_format="number").encode


class ExactResponse(Response[Any]):
    """Writes ``Decimal`` as a number, which is what the OpenAPI schema says of it, and not as text."""

    def render(self, content: Any, media_type: str, enc_hook: Serializer = default_serializer) -> bytes:
        """Encode the content."""
        if isinstance(content, bytes | str) or not media_type.endswith("json"):
            return super().render(content, media_type, enc_hook)
        return _encode(content)
