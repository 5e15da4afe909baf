"""``/health``: whether this process can do its work."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from tokenbudget_server.health.schemas import Health, Liveness, Readiness
from tokenbudget_server.health.service import HealthCheck
from tokenbudget_server.jobs.periodic import PeriodicJobs
from tokenbudget_server.web.authorization import OPEN

_UNAVAILABLE = ResponseSpec(Health, generate_examples=False, description="The database does not answer.")
_NOT_READY = ResponseSpec(Readiness, generate_examples=False, description="Something is missing.")
_OK, _NO = 200, 503


@get("/health", needs=OPEN, limited=False, responses={_NO: _UNAVAILABLE}, tags=["health"])
async def get_health(health_check: HealthCheck, jobs: PeriodicJobs) -> Response[Health]:
    """Return whether the server, its database and its Redis work, and what is amiss."""
    health = await health_check.health(jobs)
    return Response(health, status_code=_NO if health.status == "unavailable" else _OK)


@get("/health/live", needs=OPEN, limited=False, tags=["health"], sync_to_thread=False)
def get_liveness() -> Liveness:
    """Return that the process lives; nothing is asked for it."""
    return Liveness()


@get("/health/ready", needs=OPEN, limited=False, responses={_NO: _NOT_READY}, tags=["health"])
async def get_readiness(health_check: HealthCheck, jobs: PeriodicJobs) -> Response[Readiness]:
    """Return whether requests may be sent here: the database answers, is migrated, and prices are loaded."""
    readiness = await health_check.readiness(jobs)
    return Response(readiness, status_code=_NO if readiness.missing else _OK)
