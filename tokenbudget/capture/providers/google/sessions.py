"""What Google's SDK does beside requests that are answered at once: live sessions, and videos that take their time."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.instrument.bounded_dict import BoundedDict
from tokenbudget.capture.instrument.sessions.websocket_connects import Opening
from tokenbudget.capture.instrument.sessions.websocket_sessions import MessageHead, Session, SessionProtocol
from tokenbudget.capture.providers.google import usage as rules
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.diagnostics.unmeasured import Unmeasured

_STORED = "what is stored is billed by its size and the time"
_INDEXED = "documents are embedded when they are stored, on the server"
_TRAINING = "training is billed by the tokens that it goes through, on the server"
_ELSEWHERE = "the sessions that it is good for, as in a browser, are not seen"
UNMEASURED = {
    "cachedContents": Unmeasured("caches.create", _STORED),
    "tunedModels": Unmeasured("tunings.tune", _TRAINING),
    "tuningJobs": Unmeasured("tunings.tune", _TRAINING),
    "batchPredictionJobs": Unmeasured("batches.create on Vertex AI", "the results go to a bucket of yours"),
    ":uploadToFileSearchStore": Unmeasured("file_search_stores.upload_to_file_search_store", _INDEXED),
    ":importFile": Unmeasured("file_search_stores.import_file", _INDEXED),
    "auth_tokens": Unmeasured("auth_tokens.create", _ELSEWHERE),
}
"""End of a path that is posted to -> the call."""
MUSIC = Unmeasured("aio.live.music.connect", "no message of a session states what it used")


def unmeasured(path: str) -> Unmeasured | None:
    """Return the call that posts to a path, if it is billed and not measured."""
    return next((what for end, what in UNMEASURED.items() if path.endswith(end)), None)


class Live(SessionProtocol):
    """Live: each part that the model gives states the tokens it took, all of the session so far among them."""

    is_told = False

    def __init__(self, api: Api) -> None:
        self._api = api

    def wants(self, head: MessageHead) -> bool:  # noqa: ARG002
        """Tell that every message has to be looked into."""
        return True

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:  # noqa: ARG002
        """Take a message into account."""
        content, kept = fields(message.get("serverContent")), session.kept
        if "toolCall" in message or "modelTurn" in content or "outputTranscription" in content:
            self._speaks(session)
        if found := content.get("groundingMetadata"):
            kept.setdefault("candidates", []).append({"groundingMetadata": found})
        usage = message.get("usageMetadata")
        if usage and usage != kept.get("usage"):
            answer = {"usageMetadata": usage, "candidates": kept.pop("candidates", ())}
            session.answered("turn", self._api, answer, None, model=session.asked)
            kept["usage"] = None if kept.pop("ended", False) else usage  # of the turn that goes on
        if content.get("turnComplete"):
            if kept.pop("usage", None) is not None:
                session.drop("turn")  # what came after the usage was stated is in it
            kept["ended"] = "turn" in session.calls

    def _speaks(self, session: Session) -> None:
        self._end(session)
        if "turn" not in session.calls:
            session.begin("turn", self._api)

    def _end(self, session: Session) -> None:
        """Record a turn that was whole and stated nothing, nor did anything after it."""
        if session.kept.pop("ended", False) and "turn" in session.calls:
            session.answered("turn", self._api, {}, None)

    def closed(self, session: Session) -> None:
        """Take note that nothing more is stated."""
        self._end(session)
        if session.kept.get("usage") is not None:
            session.drop("turn")


def live_sides(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add tool prompts to the input and thoughts to the output: live sessions count them beside both and the total."""
    found.pop("total_tokens", None)
    if found.get("input_tokens") is not None:
        found["input_tokens"] += found.get("tool_prompt_tokens", 0)
        found["output_tokens"] = found.get("output_tokens", 0) + found.get("reasoning_tokens", 0)


def live(generate: Api) -> Api:
    """Make the API of live sessions of that which generates content."""
    return generate.derive(
        operation="live",
        read=generate.read.but(output_tokens="usageMetadata.responseTokenCount"),
        rules=(live_sides, rules.modalities, rules.grounding),
        is_text=False,
    )


def openings(api: Api) -> tuple[Opening, ...]:
    """Return how live sessions are opened."""
    protocol = Live(api)

    def open_live(owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Session:  # noqa: ARG001
        client = owner._api_client  # noqa: SLF001 (where the SDK's modules have it)
        provider, region = ("vertex", client.location) if client.vertexai else ("google", None)
        return Session(protocol, provider, region, str(kwargs.get("model") or "").rpartition("/")[2] or None)

    def client_of(owner: Any) -> Any:
        return owner._api_client  # noqa: SLF001

    def socket_of(session: Any) -> Any:
        return session._ws  # noqa: SLF001

    return (
        Opening("google.genai.live.AsyncLive", open_live, marked=client_of, socket=socket_of, is_context=True),
        Opening(
            "google.genai.live_music.AsyncLiveMusic",
            lambda *_: MUSIC,
            marked=client_of,
            socket=socket_of,
            is_context=True,
        ),
    )


_begun = BoundedDict[dict[str, Any]]()
"""Names of operations that make videos -> what was asked for."""
_OPERATION = re.compile(r".*/operations/[^/]+")


def begin_video(answer: Fields, request: Fields) -> None:
    """Keep in mind what an operation makes: when it is done it states only where the videos are."""
    if name := answer.get("name"):
        asked = fields(request.get("parameters"))
        size = f"{asked.get('resolution') or '720p'}{'-silent' if asked.get('generateAudio') is False else ''}"
        seconds, model = asked.get("durationSeconds"), request.get("model")
        _begun[str(name)] = {"seconds": seconds, "size": size, "model": model, "created": time.time()}


def begun(path: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the operation was asked for that is looked at, if this process has seen it begin."""
    name = str(request.get("operationName") or path.partition("?")[0])
    found = _begun.get(name) if _OPERATION.fullmatch(name) else None
    return None if found is None else {**found, "name": name}


def is_no_finished_video(answer: Fields) -> bool:
    """Return whether an operation is still running, or failed and is not billed."""
    return not answer.get("done") or "error" in answer


def never_an_answer(answer: Fields) -> bool:  # noqa: ARG001
    """Record nothing when an operation begins."""
    return True


def video_seconds(found: Found, response: Fields, request: Fields) -> None:
    """Count the seconds of the videos that came; those that were filtered out are not billed."""
    made = fields(response.get("response"))
    samples = made.get("videos") or fields(made.get("generateVideoResponse")).get("generatedSamples") or ()
    found.update(response_id=request["name"], created=request["created"], background=True)
    if request["seconds"] is not None:
        found["units"] = {f"video_seconds:{request['size']}": Decimal(str(request["seconds"])) * len(samples)}


VIDEOS = Api(
    operation="videos",
    read=Reader(),
    rules=(video_seconds,),
    is_text=False,
    skip=is_no_finished_video,
    adds=("units",),
)
BEGUN_VIDEOS = VIDEOS.derive(skip=never_an_answer, begun=begin_video)
