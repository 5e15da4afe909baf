"""A network in memory, for SDKs that speak through httpx (older ones) and through httpx2 alike."""

import importlib
import json
from dataclasses import dataclass, field

import httpx

try:
    import httpx2
except ImportError:  # as where all SDKs are old
    httpx2 = httpx


def http_of(sdk):
    """Return the HTTP library that an SDK speaks through."""
    base = importlib.import_module(f"{sdk.__name__}._base_client")
    return getattr(base, "httpx2", None) or base.httpx


@dataclass
class Reply:
    """A response, made by the library that the request came through."""

    status: int = 200
    json: object = None
    content: object = None
    headers: dict = field(default_factory=dict)

    def to(self, request):
        library = httpx2 if isinstance(request, httpx2.Request) else httpx
        content = {"json": self.json} if self.json is not None else {"content": self.content}
        if isinstance(self.content, Body):
            content = {"stream": self.content}
        return library.Response(self.status, headers=self.headers, **content)


class Wire:
    """Answers requests in turn (the last answer again and again) and remembers them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return _reply(answer).to(request)

    async def answer(self, request):
        return self(request)

    @property
    def sent(self):
        return json.loads(self.requests[-1].content)


def _reply(answer):
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, dict):
        return Reply(json=answer)
    return Reply(headers={"content-type": "text/event-stream"}, content=Body(answer))


class Body(*dict.fromkeys(getattr(one, f"{kind}ByteStream") for one in (httpx, httpx2) for kind in ("Sync", "Async"))):
    """A body whose parts come one at a time; an exception among them breaks the connection."""

    def __init__(self, parts):
        self.parts = parts
        self.taken = 0
        self.closed = False

    def __iter__(self):
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            self.taken += 1
            yield part

    async def __aiter__(self):
        for part in self:
            yield part

    def close(self):
        self.closed = True

    async def aclose(self):
        self.closed = True


def client_of(sdk, wire, *, is_async=False):
    """Return an HTTP client of the SDK's library that knows no network but `wire`."""
    http = http_of(sdk)
    if is_async:
        return http.AsyncClient(transport=http.MockTransport(wire.answer))
    return http.Client(transport=http.MockTransport(wire))
