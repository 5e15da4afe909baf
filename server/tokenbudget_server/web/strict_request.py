"""Bodies that Litestar decodes for a handler: read as strictly as the OpenAPI document says.

Litestar alone would take the text "1" for a number and 0 for false, as it must in a URL.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request

from tokenbudget_server.web.problems import INVALID_REQUEST, FieldError, ProblemError

_AT = re.compile(r" - at `\$\.?(.*)`$")


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is what its handler's ``data`` is declared as."""

    async def json(self) -> Any:
        """Decode the body.

        Raises
        ------
        ProblemError
            400, saying what is wrong and where.
        """
        field = self.route_handler.parsed_data_field
        try:
            return msgspec.json.decode(await self.body(), type=Any if field is None else field.annotation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = str(error)
            place = _AT.search(text)
            name, reason = (place[1], text[: place.start()]) if place else ("", text)
            said = f"{name or 'the body'}: {reason}"
            raise ProblemError(INVALID_REQUEST, said, [FieldError(field=name, reason=reason)]) from None
