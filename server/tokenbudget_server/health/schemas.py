"""What is answered of a process' health."""

from __future__ import annotations

import msgspec

from tokenbudget import __version__
from tokenbudget_server.jobs.periodic import JobState


class Health(msgspec.Struct, frozen=True):
    """``ok``, or ``unavailable`` with status 503 when the database does not answer; and how background jobs fared."""

    status: str
    version: str = __version__
    jobs: list[JobState] = []
