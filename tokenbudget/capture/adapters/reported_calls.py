"""A call as a framework reports it: recorded, unless a client or a handler inside has recorded it already."""

from __future__ import annotations

from typing import Any

from tokenbudget.capture import framework_calls
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.usage.fields import NONE, Fields

_SIDES = ("input_tokens", "output_tokens")


class ReportedCall(Call):
    """A framework's call in progress.

    Parameters
    ----------
    api, provider, request, model
        As a `Call` has them.
    """

    of_framework = True

    def __init__(self, api: Api, provider: str, request: Fields, model: str | None = None) -> None:
        super().__init__(api, provider, request, model)
        self.inside = framework_calls.enter()  # The call first: it belongs to what is around it, not to itself.

    def is_recorded(self, answer: Fields) -> bool:
        """Return whether an answer to it is one that was recorded inside."""
        found = self.read(answer)
        return any(_has_answered(call, self, found) for call in self.inside.calls if call.status != "error")

    def is_failure_recorded(self) -> bool:
        """Return whether it is a call inside that failed or was left, and is recorded as that or will be."""
        return any(_is_same_model(call, self, NONE) for call in self.inside.calls if call.status != "ok")


def _has_answered(call: Call, reported: ReportedCall, found: Found) -> bool:
    """Return whether a call inside gave what the framework gave.

    Its id tells, where both state one; else its counts, where both state them; else the model.
    """
    theirs = call.found
    own_id, their_id = found.get("response_id"), theirs.get("response_id")
    if own_id and their_id:
        return str(own_id) == str(their_id)
    counts = [(found.get(side), theirs.get(side)) for side in _SIDES]
    if call.status == "ok" and not any(None in pair for pair in counts):
        same = [own == their for own, their in counts]
        if all(same) or not any(same):
            return all(same)
    if not own_id and all(own is None for own, _ in counts):
        return True  # It states nothing: a model of the user's own, that asks through a client.
    return _is_same_model(call, reported, found)


def _is_same_model(call: Call, reported: ReportedCall, found: Found | Fields) -> bool:
    own = _names(reported.model, found.get("model"))
    theirs = _names(call.model, call.found.get("model"))
    return not own or not theirs or not own.isdisjoint(theirs)


def _names(*models: Any) -> set[str]:
    return {str(model).rpartition("/")[2].lower() for model in models if model}
