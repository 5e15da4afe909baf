"""What OpenAI bills and no answer of this process states."""

from __future__ import annotations

from tokenbudget.diagnostics.unmeasured import Unmeasured

_TRAINING = "training is billed by the tokens that it goes through later, on the server"
_GRADING = "graders and runs ask models by themselves, on the server"
_AGENT = "an agent asks models by itself, on the server"
_STORED = "what is stored is billed by its size and the days"
_CONTAINER = "a container is billed by its memory and the time it runs"
_ELSEWHERE = "what the session is used for elsewhere, as in a browser, is not seen: {} joins it, and is measured"
_REALTIME = _ELSEWHERE.format("`realtime.connect(call_id=...)`")
_LIVE = _ELSEWHERE.format("`live.sideband.connect(...)`")
_BY_TIME = "it is billed by the minute, and no event states the time"

UNMEASURED = {
    "/fine_tuning/jobs": Unmeasured("fine_tuning.jobs.create", _TRAINING),
    "/fine_tuning/alpha/graders/run": Unmeasured("fine_tuning.alpha.graders.run", _GRADING),
    "/evals/{}/runs": Unmeasured("evals.runs.create", _GRADING),
    "/agents/sessions": Unmeasured("beta.agents.sessions.create", _AGENT),
    "/agents/sessions/{}/events": Unmeasured("beta.agents.sessions.events.create", _AGENT),
    "/agents/automations/{}/invocations": Unmeasured("beta.agents.automations.invocations.create", _AGENT),
    "/chatkit/sessions": Unmeasured("beta.chatkit.sessions.create", _AGENT),
    "/vector_stores": Unmeasured("vector_stores.create", _STORED),
    "/containers": Unmeasured("containers.create", _CONTAINER),
    "/realtime/client_secrets": Unmeasured("realtime.client_secrets.create", _REALTIME),
    "/realtime/calls": Unmeasured("realtime.calls.create", _REALTIME),
    "/realtime/calls/{}/accept": Unmeasured("realtime.calls.accept", _REALTIME),
    "/realtime/sessions": Unmeasured("beta.realtime.sessions.create", _REALTIME),
    "/realtime/transcription_sessions": Unmeasured("beta.realtime.transcription_sessions.create", _REALTIME),
    "/realtime/translations/client_secrets": Unmeasured("realtime.translations.client_secrets.create", _BY_TIME),
    "/live/sessions": Unmeasured("live.create", _LIVE),
    "/live/sessions/{}/accept": Unmeasured("live.sessions.accept", _LIVE),
    "/live/sessions/{}/fork": Unmeasured("live.sessions.fork", _LIVE),
}
"""End of a path that is posted to -> the call."""

TRANSLATIONS = Unmeasured("realtime.translations.connect", _BY_TIME)
