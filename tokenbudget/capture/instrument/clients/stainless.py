"""Observe clients generated with Stainless: openai, anthropic, groq and others have one and the same base client.

Every request of such a client, whichever resource, helper or API version it comes from, goes through
``<package>._base_client.SyncAPIClient.request`` (or ``Async…``).  That method gets a shell, once per class and process;
the shell leaves a client alone unless it carries our mark.  So types, ``isinstance``, ``repr``, pickling and ``copy``
of clients stay as they were, and retries inside the client are one call.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tokenbudget import config
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import wrappers
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.batches.batch_results import BatchApi, BatchReading
from tokenbudget.capture.instrument.clients import usage_request
from tokenbudget.capture.instrument.clients.stainless_classes import count_retries, marking, noticing_loop, see_before
from tokenbudget.capture.instrument.responses.http_bodies import observe_raw
from tokenbudget.capture.instrument.responses.streams import AsyncItems, Items, is_usage_alone, notice_close
from tokenbudget.capture.instrument.sdk_spec import MARK, ClientMark, Guide
from tokenbudget.capture.instrument.sessions import websocket_connects
from tokenbudget.capture.instrument.sessions.websocket_connects import Connect
from tokenbudget.capture.instrument.sessions.websocket_sessions import Session
from tokenbudget.capture.instrument.wrappers import Attempt, CallHooks
from tokenbudget.capture.usage.fields import NONE
from tokenbudget.core.providers import billed_by, provider_at
from tokenbudget.diagnostics.unmeasured import Unmeasured, by_end, note

_MOST_CLASSES = 500


class StainlessSdk:
    """The SDK in one package made by Stainless.

    Parameters
    ----------
    name : str
        The package, e.g. ``openai``.
    clients : tuple of str
        Names of its client classes.
    provider : str
        Who bills calls to an address that nobody is known by.
    routes : dict of str to Api
        End of a request's path -> the API it is; other requests are not model calls.
    class_providers : dict of str to str
        Part of a client class's name -> provider, where the class and not the address tells (``Azure``, ``Bedrock``).
    fetched : dict of str to Api
        Part of a path -> the API whose answers are fetched there later (background responses).
    batches : BatchApi, optional
        How batch results are handed out.
    connects : dict of str to Connect or Unmeasured
        Name of a resource, but for ``Async``, whose ``connect`` opens sessions over web sockets -> how they are read.
    unmeasured : dict of str to Unmeasured
        End of a path, with ``{}`` for an id, that is posted to and billed, but not measured.
    may_ask : callable
        ``may_ask(client)``: whether a client's server knows the option that asks for a stream's usage.
    guide : Guide
        What messages and the documentation say of it.
    """

    def __init__(  # noqa: PLR0913 (a declaration)
        self,
        *,
        name: str,
        clients: tuple[str, ...],
        provider: str,
        routes: dict[str, Api],
        class_providers: Mapping[str, str] | None = None,
        fetched: Mapping[str, Api] | None = None,
        batches: BatchApi | None = None,
        connects: Mapping[str, Connect | Unmeasured] | None = None,
        unmeasured: Mapping[str, Unmeasured] | None = None,
        may_ask: Callable[[Any], bool] = lambda client: True,  # noqa: ARG005
        guide: Guide = Guide(),  # noqa: B008 (frozen)
    ) -> None:
        self.name = self.package = name
        self.packages = (name,)
        self.clients = clients
        self.guide = guide
        self._connects = connects or {}
        sessions = (connect.api for connect in self._connects.values() if isinstance(connect, Connect))
        self.apis = tuple(dict.fromkeys((*routes.values(), *sessions)))
        self._provider = provider
        self._routes = routes
        self._class_providers = class_providers or {}
        self._fetched = fetched or {}
        self._batches = batches
        self.unmeasured = (
            *(unmeasured or {}).values(),
            *(connect for connect in self._connects.values() if isinstance(connect, Unmeasured)),
        )
        self._find_unmeasured = by_end(unmeasured or {})
        self._may_ask = may_ask
        self._everything = False
        self._raw: Any = ()
        self._streams: tuple[type, ...] = ()
        self._answers: set[type] = set()  # Classes of results that are neither streams nor raw.
        self._shelled: set[type] = set()
        self.route = functools.lru_cache(512)(self._route)

    # What the registry calls.

    def supports(self, client: Any) -> bool:
        """Return whether this object is one of the package's clients."""
        return isinstance(client, self._bases())

    def is_made(self, client: Any) -> bool:
        """Return whether its class has made a client of this object."""
        return hasattr(client, "_client")

    def wrap(self, client: Any, provider: str | None) -> None:
        """Mark a client; wrapping it again changes at most the provider."""
        self._install()
        for cls in type(client).__mro__:
            self._keep_on_copy(cls)
        mark = client.__dict__.get(MARK)
        if mark is None:
            client.__dict__[MARK] = ClientMark(provider)
        elif provider is not None:
            mark.provider, mark.address = provider, None

    def patch(self) -> None:
        """Observe every client of the package."""
        self._install()
        self._everything = True

    def unpatch(self) -> None:
        """Observe wrapped clients only."""
        self._everything = False

    # What the shells call.

    def makes(self, maker: str, begun: CallHooks) -> bool:  # noqa: ARG002
        """Tell that none is: these clients make no call to make another."""
        return False

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        """Start observing a request, if it is a model call of a client we are to observe."""
        state = owner.__dict__
        mark = state.get(MARK)
        if mark is None:
            if not self._everything:
                return None
            mark = ClientMark()
        if not (config.in_force or config.for_recording()).enabled:
            return None
        options = args[1] if len(args) > 1 else kwargs["options"]
        asked = options.__dict__
        api = self.route(asked["method"], asked["url"])
        if not isinstance(api, Api):
            return self._begin_other(api, mark, owner, args, kwargs)
        if mark.address is not (address := state.get("_base_url")) or address is None:
            self._locate(owner, mark, address)
        provider, region = mark.target
        body = asked.get("json_data")
        request = body if isinstance(body, dict) else NONE
        call = Call(api, provider, request, request.get("model") or getattr(owner, "_azure_deployment", None), region)
        attempt = Attempt(call, owner, args, kwargs)
        if callable(asked.get("post_parser")):
            options.post_parser = see_before(options.post_parser, call)
        if api.ask_for_usage and kwargs.get("stream") and self._may_ask(owner):
            usage_request.ask(attempt, options, self.name)
        return attempt

    def end(self, attempt: Attempt, result: Any) -> Any:
        """Report what a request gave: a parsed response, a stream, or a raw response."""
        call, kind = attempt.call, type(result)
        if kind in self._answers or isinstance(call, BatchReading):
            call.answered(result)
        elif isinstance(result, self._streams):
            observe_stream(result, call, hide_usage=attempt.hide_usage)
        elif isinstance(result, self._raw):
            call.attempts = getattr(result, "retries_taken", 0) + 1
            observe_raw(result.http_response, call, hide_usage=attempt.hide_usage)
        else:
            if len(self._answers) >= _MOST_CLASSES:
                self._answers.clear()  # A program may make new ones all the time.
            self._answers.add(kind)
            call.answered(result)
        return result

    def connect(
        self, client: Any, connect: Connect | Unmeasured, asked: Mapping[str, Any]
    ) -> Callable[[], Session] | None:
        """Return what starts the session that a client connects to, if it is one that we are to observe."""
        mark = client.__dict__.get(MARK) or (ClientMark() if self._everything else None)
        if mark is None or not config.for_recording().enabled:
            return None
        if isinstance(connect, Unmeasured):
            note(self.name, connect)
            return None
        self._locate(client, mark, client.__dict__.get("_base_url"))
        provider, region = mark.target
        return lambda: connect.session(provider, region, asked)

    # Below: how.

    def _begin_other(
        self,
        api: BatchApi | Unmeasured | None,
        mark: ClientMark,
        owner: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Attempt | None:
        """Start observing a request that is no model call, if it fetches a batch; count one that is not measured."""
        if isinstance(api, BatchApi):
            self._locate(owner, mark, owner.__dict__.get("_base_url"))
            options = args[1] if len(args) > 1 else kwargs["options"]
            return Attempt(BatchReading(api, *mark.target, options.url), owner, args, kwargs)
        if api is not None:
            note(self.name, api)
        return None

    def _route(self, method: str, url: str) -> Api | BatchApi | Unmeasured | None:
        path, method = url.partition("?")[0].rstrip("/"), method.lower()
        batches = self._batches
        if batches is not None and (
            batches.batch_part in path or (method == "get" and path.endswith(batches.results_end))
        ):
            return batches
        if method == "post":
            api = next((api for end, api in self._routes.items() if path.endswith(end)), None)
            return self._find_unmeasured(path) or api
        return next((api for part, api in self._fetched.items() if method == "get" and path.startswith(part)), None)

    def _locate(self, client: Any, mark: ClientMark, address: Any) -> None:
        """Find out who is at the client's address: asking the client itself for it costs more than all else here."""
        url = client.base_url
        provider, region = provider_at(url.host, url.port)
        named = next((p for part, p in self._class_providers.items() if part in type(client).__name__), None)
        region = getattr(client, "aws_region", None) or getattr(client, "region", None) or region
        mark.target = mark.provider or billed_by(named, provider) or self._provider, region
        mark.address = address

    def _bases(self) -> tuple[type, ...]:
        base = sys.modules[f"{self.name}._base_client"]
        return base.SyncAPIClient, base.AsyncAPIClient

    def _install(self) -> None:
        sync, asynchronous = self._bases()
        if sync in self._shelled:
            return
        self._shelled.add(sync)
        base = sys.modules[f"{self.name}._base_client"]
        sync.request = wrappers.sync_wrapper(sync.request, self)  # type: ignore[attr-defined]
        asynchronous.request = wrappers.async_wrapper(asynchronous.request, self)  # type: ignore[attr-defined]
        for cls in (sync, asynchronous):
            count_retries(cls)
        if self._connects:
            resource = importlib.import_module(f"{self.name}._resource")
            for cls in (resource.SyncAPIResource, resource.AsyncAPIResource):
                websocket_connects.notice(cls, self._connects, self.connect)
        self._streams = (base.Stream, base.AsyncStream)
        for cls, method in ((base.Stream, "__iter__"), (base.AsyncStream, "__aiter__")):
            setattr(cls, method, noticing_loop(getattr(cls, method)))
        self._raw = tuple(
            getattr(sys.modules[f"{self.name}.{module}"], name)
            for module, name in (("_response", "BaseAPIResponse"), ("_legacy_response", "LegacyAPIResponse"))
            if hasattr(sys.modules.get(f"{self.name}.{module}"), name)
        )

    def _keep_on_copy(self, cls: type) -> None:
        """Let copies of a wrapped client be wrapped, whichever class in its line makes them."""
        if cls in self._shelled:
            return
        self._shelled.add(cls)
        for name in ("copy", "with_options"):
            if name in cls.__dict__:
                setattr(cls, name, marking(cls.__dict__[name]))


def observe_stream(stream: Any, call: Call, *, hide_usage: bool) -> None:
    """Put ourselves between a stream object and its iterator."""
    kind = AsyncItems if hasattr(stream, "__anext__") else Items
    # The generator is made on a copy: on the stream itself it would form a cycle with it, and a dropped stream
    # would wait for the garbage collector.
    stream.__dict__.pop("_iterator", None)
    reading = object.__new__(type(stream))
    reading.__dict__.update(stream.__dict__)
    items = stream.__dict__[MARK] = kind(reading.__stream__(), call, is_usage_alone if hide_usage else None)
    stream._iterator = items.steps  # noqa: SLF001 (the one place all of a stream's readers go through)
    notice_close(stream.response.stream, items)
