"""OpenAI's sessions over web sockets: realtime, live, and responses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.sessions.websocket_connects import Connect
from tokenbudget.capture.instrument.sessions.websocket_sessions import MessageHead, Session, SessionProtocol
from tokenbudget.capture.providers.openai import usage as rules
from tokenbudget.capture.providers.openai.unmeasured import TRANSLATIONS
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.diagnostics.unmeasured import Unmeasured

_INPUT = "usage.input_token_details"
REALTIME = Api(
    operation="realtime",
    read=Reader(
        model="model",
        response_id="id",
        input_tokens="usage.input_tokens",
        output_tokens="usage.output_tokens",
        cache_read_tokens=f"{_INPUT}.cached_tokens",
        input_audio_tokens=f"{_INPUT}.audio_tokens",
        input_image_tokens=f"{_INPUT}.image_tokens",
        cache_read_audio_tokens=f"{_INPUT}.cached_tokens_details.audio_tokens",
        cache_read_image_tokens=f"{_INPUT}.cached_tokens_details.image_tokens",
        output_audio_tokens="usage.output_token_details.audio_tokens",
        reasoning_tokens="usage.output_token_details.reasoning_tokens",
    ),
    is_text=False,
)
LIVE = Api(
    operation="live",
    read=Reader(model="model", response_id="id", seconds="usage.seconds"),
    rules=(rules.seconds,),
    is_text=False,
    adds=("units",),
)
_CONFIGURED = frozenset(
    f"{kind}.{what}" for kind in ("session", "transcription_session") for what in ("created", "updated")
)
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_UNMADE = frozenset({"failed", "cancelled"})
_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Realtime(SessionProtocol):
    """Realtime: each response states its usage when it is done, and each transcript of what was said its own."""

    def __init__(self, transcriptions: Api) -> None:
        self._transcriptions = transcriptions

    def wants(self, head: MessageHead) -> bool:
        """Return whether a message has to be looked into."""
        return head.type in _CONFIGURED or head.type in {"response.created", "response.done", _TRANSCRIBED}

    def text_size(self, session: Session, head: MessageHead) -> None:
        """Note the first part of a response."""
        call = session.calls.get(head.response_id or "")
        if call is not None and not call.first_token_ns and head.type.endswith(".delta"):
            call.first_token_ns = time.perf_counter_ns()

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:
        """Take a message into account."""
        if head.type in _CONFIGURED:
            self._configured(session, fields(message.get("session")))
        elif head.type == _TRANSCRIBED:
            model = session.kept.get("transcription")
            answer = {"model": model, "usage": message.get("usage")}
            name = f"{message.get('item_id')} {message.get('content_index')}"
            session.answered(name, self._transcriptions, answer, name, model=model)
        else:
            response = fields(message.get("response"))
            key = str(response.get("id"))
            if head.type == "response.created":
                session.begin(key, REALTIME)
            elif response.get("status") in _UNMADE and not response.get("usage") and key in session.calls:
                session.calls.pop(key).refused(_reason(response))
            else:
                answer = {**response, "model": session.model}
                session.answered(key, REALTIME, answer, key, model=session.asked or session.model)

    def _configured(self, session: Session, settings: Fields) -> None:
        """Take the models from a session's settings: the one that answers, and the one that transcribes."""
        session.model = settings.get("model") or session.model
        given = fields(fields(settings.get("audio")).get("input")).get("transcription")
        given = given or settings.get("input_audio_transcription")
        session.kept["transcription"] = fields(given).get("model")


def _reason(response: Fields) -> str:
    """Return why a response was not made, by the code of the error or what the provider calls it."""
    details = fields(response.get("status_details"))
    return str(fields(details.get("error")).get("code") or details.get("reason") or response["status"])


class Responses(SessionProtocol):
    """Responses: the events of streams, of several at a time where lanes are used."""

    def __init__(self, responses: Api) -> None:
        self._responses = responses

    def wants(self, head: MessageHead) -> bool:
        """Return whether a message has to be looked into."""
        return head.type.startswith("response.") or head.type == "error"

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:
        """Take a message into account."""
        key = f"response {head.stream_id}"
        if head.type != "error":
            self.take_event(session, key, message)
        elif call := session.calls.pop(key, None):
            call.refused(str(fields(message.get("error")).get("code") or "error"))

    def take_event(self, session: Session, key: str, event: Fields) -> None:
        """Take an event of a response's stream into account."""
        kind = event.get("type")
        if kind in _FINAL:
            response = fields(event.get("response"))
            session.answered(key, self._responses, response, response.get("id"))
            return
        call = session.begin(key, self._responses) if kind == "response.created" else session.calls.get(key)
        if call is not None:
            call.item(event)


class Live(SessionProtocol):
    """Live: the session states how long it was, and what it delegates states its own usage."""

    def __init__(self, responses: Responses, decisions: Api) -> None:
        self._responses = responses
        self._decisions = decisions

    def wants(self, head: MessageHead) -> bool:
        """Return whether a message has to be looked into."""
        return head.type in {
            *("session.started", "session.updated", "session.usage.updated", "session.closed"),
            *("response.event", "decision.event"),
        }

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:
        """Take a message into account."""
        event = fields(message.get("event"))
        if head.type == "response.event":
            self._responses.take_event(session, f"response {message.get('delegation_id')}", event)
        elif head.type == "decision.event":
            decision = fields(event.get("decision"))
            session.answered("", self._decisions, decision, decision.get("id"))
        else:
            self._told(session, head, message)

    def _told(self, session: Session, head: MessageHead, message: Fields) -> None:
        stated, answer = fields(message.get("session")), session.kept
        session.model = stated.get("model") or session.model
        answer.update(id=stated.get("id") or answer.get("id"), model=session.model)
        answer["usage"] = message.get("usage") or answer.get("usage")
        if head.type == "session.closed":
            session.answered("session", LIVE, dict(answer), answer["id"], model=session.model)
            answer.clear()
        elif "session" not in session.calls:
            session.begin("session", LIVE)

    def closed(self, session: Session) -> None:
        """Take what was stated last for what a session used that was left."""
        if (call := session.calls.get("session")) is not None:
            call.partial = dict(session.kept)


def connects(*, responses: Api, decisions: Api, transcriptions: Api) -> dict[str, Connect | Unmeasured]:
    """Return the name of each resource that connects, but for ``Async``, and how its sessions are read."""
    of_responses = Responses(responses)
    live = Live(of_responses, decisions)
    return {
        "Realtime": Connect(Realtime(transcriptions), REALTIME, joins=_joins_call),
        "Responses": Connect(of_responses, responses),
        "Live": Connect(live, LIVE),
        "Forks": Connect(live, LIVE),
        "Sideband": Connect(live, LIVE, joins=_joins),
        "Translations": TRANSLATIONS,
    }


def _joins_call(asked: Mapping[str, Any]) -> bool:
    return isinstance(asked.get("call_id"), str)


def _joins(asked: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return True
