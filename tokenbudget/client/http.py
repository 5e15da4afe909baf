"""HTTP requests to the server: return its answer, or raise an error that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tokenbudget.core.errors import AuthError, PeriodError, QueryError, ServerError, ServerUnreachableError
from tokenbudget.core.key_text import hide_keys, is_sendable
from tokenbudget.transport.httpx_compat import http_library

Parameters = Sequence[tuple[str, str]]

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"

TIMEOUT_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_BAD_REQUEST = 400
_REFUSED = (401, 403)


_INVALID_PERIOD = "/problems/invalid-period"


class _Problem(msgspec.Struct):
    """The problem details (RFC 9457) that are used here."""

    type: str = ""
    detail: str = ""
    title: str = ""


def get_arrow(url: str, api_key: str | None, path: str, parameters: Parameters) -> tuple[bytes, str | None]:
    """Fetch an Arrow stream from a TokenBudget server, and the cursor of the page after it.

    Raises
    ------
    ServerUnreachableError
        If the server does not answer.
    AuthError
        If the server does not accept the key.
    PeriodError, QueryError
        If the period, or another part of the query, is not valid.
    ServerError
        If the server refuses the request for another reason.
    """
    answer = _ask("GET", url, api_key, path, TIMEOUT_SECONDS, ARROW, params=list(parameters))
    return answer.content, answer.headers.get("X-Next-Cursor")


def post(url: str, api_key: str | None, path: str, document: Mapping[str, Any], seconds: float) -> bytes:
    """Post a document to a TokenBudget server and return its answer; raises the same errors as `get_arrow`."""
    body: bytes = _ask("POST", url, api_key, path, seconds, json=dict(document)).content
    return body


def send(
    method: str,
    url: str,
    api_key: str | None,
    path: str,
    document: Mapping[str, Any] | None = None,
    parameters: Parameters = (),
) -> Any:
    """Have a TokenBudget server do something, and return the JSON of its answer; raises what `get_arrow` does."""
    sent: dict[str, Any] = {} if document is None else {"json": dict(document)}
    answer = _ask(method, url, api_key, path, TIMEOUT_SECONDS, params=list(parameters), **sent)
    return msgspec.json.decode(answer.content) if answer.content else None


def _ask(
    method: str, url: str, api_key: str | None, path: str, seconds: float, accept: str = JSON, **content: Any
) -> Any:
    httpx = http_library()
    if api_key and not is_sendable(api_key):
        raise AuthError("no header can carry the API key: look for a space or a line break in it", _REFUSED[0])
    headers = {"Accept": accept, **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
    timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
    try:
        answer = httpx.request(method, f"{url}{path}", headers=headers, timeout=timeout, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = hide_keys(str(error))
        msg = (
            f"no answer from the TokenBudget server at {url} ({said or type(error).__name__}): is it running "
            "(`tokenbudget up`)?  tb.configure(url='') asks this machine's journal instead"
        )
        raise ServerUnreachableError(msg) from (error if said == str(error) else None)
    if not answer.is_success:
        raise _refusal(url, api_key, answer)
    return answer


def _refusal(url: str, api_key: str | None, answer: Any) -> ServerError | PeriodError | QueryError:
    problem = _read_problem(answer)
    said = hide_keys(problem.detail or problem.title or str(answer.reason_phrase))
    if answer.status_code in _REFUSED:
        do = "check TOKENBUDGET_API_KEY or tb.configure(api_key=...)" if api_key else "set TOKENBUDGET_API_KEY"
        return AuthError(f"the server at {url} does not accept the API key ({said}): {do}", answer.status_code)
    if answer.status_code == _BAD_REQUEST:
        return PeriodError(said) if problem.type == _INVALID_PERIOD else QueryError(said)
    return ServerError(f"the server at {url} answered {answer.status_code}: {said}", answer.status_code)


def _read_problem(answer: Any) -> _Problem:
    try:
        return msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        return _Problem(detail=f"{answer.reason_phrase or 'no reason given'}; is it a TokenBudget server?")
