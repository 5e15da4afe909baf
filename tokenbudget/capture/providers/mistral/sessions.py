"""Mistral's sessions over web sockets, and what it bills and no answer states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.sessions.websocket_connects import Opening
from tokenbudget.capture.instrument.sessions.websocket_sessions import MessageHead, Session, SessionProtocol
from tokenbudget.capture.usage.fields import Fields
from tokenbudget.diagnostics.unmeasured import Unmeasured

_UNSTATED = "its tokens are billed and no answer states them"
_BY_ITSELF = "it asks models by itself, on the server"
_INDEXED = "documents are read and embedded, on the server"
_TRAINING = "training is billed while it runs, on the server"
UNMEASURED = {
    "/moderations": Unmeasured("classifiers.moderate", _UNSTATED),
    "/chat/moderations": Unmeasured("classifiers.moderate_chat", _UNSTATED),
    "/classifications": Unmeasured("classifiers.classify", _UNSTATED),
    "/chat/classifications": Unmeasured("classifiers.classify_chat", _UNSTATED),
    "/fine_tuning/jobs": Unmeasured("fine_tuning.jobs.create", _TRAINING),
    "/libraries/{}/documents": Unmeasured("beta.libraries.documents.upload", _INDEXED),
    "/connectors/{}/tools/{}/call": Unmeasured("beta.connectors.call_tool", _BY_ITSELF),
    "/workflows/{}/execute": Unmeasured("workflows.execute_workflow", _BY_ITSELF),
    "/judges/{}/live-judging": Unmeasured("beta.observability.judges.judge_conversation", _BY_ITSELF),
}
"""End of a path that is posted to -> the call."""


class _Realtime(SessionProtocol):
    """Transcripts and speech: the last message states what they took."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def wants(self, head: MessageHead) -> bool:
        """Return whether a message has to be looked into."""
        return head.type in {"transcription.done", "speech.audio.done"}

    def text_size(self, session: Session, head: MessageHead) -> None:
        """Begin an answer with its first part."""
        if head.type.endswith(".delta") and "answer" not in session.calls:
            session.begin("answer", self._api)

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:  # noqa: ARG002
        """Take a message into account."""
        session.answered("answer", self._api, message, None, model=session.asked)


def opening(owner: str, api: Api) -> Opening:
    """Return how sessions of one kind are opened."""
    protocol = _Realtime(api)

    def start(resource: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Session:  # noqa: ARG001
        model = args[0] if args else kwargs.get("model")
        return Session(protocol, "mistral", None, None if model is None else str(model))

    return Opening(
        f"mistralai.extra.realtime.{owner}",
        start,
        marked=lambda resource: resource._sdk_config,  # noqa: SLF001
        socket=lambda connection: connection._websocket,  # noqa: SLF001
    )
