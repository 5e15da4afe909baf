"""What is answered of a process' health."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenbudget import __version__
from tokenbudget_server.jobs.periodic import JobState

Status = Literal["ok", "degraded", "unavailable"]
DatabaseState = Literal["ok", "away"]
RedisState = Literal["ok", "away", "off"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the server fares.

    Attributes
    ----------
    status : str
        ``unavailable``, with status 503, when the database does not answer; ``degraded`` when something else is amiss.
    db, redis : str
        Whether they answer; ``off`` where there is no Redis in the settings.
    degraded : list of str
        What is amiss: ``migrations`` (some were not applied), ``prices`` (they are not loaded), ``redis`` (processes
        remember and count by themselves), ``job …`` (it failed several times in a row).
    jobs : list of JobState
        How background jobs fared.
    """

    status: Status
    version: str = __version__
    db: DatabaseState
    redis: RedisState
    degraded: list[str] = []
    jobs: list[JobState] = []


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests may be sent to the server, and what is missing: ``db``, ``migrations`` or ``prices``."""

    status: Literal["ready", "not ready"]
    missing: list[str] = []


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"
