"""The waitlist as a feature of the API."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.waitlist.routes import get_waitlist, post_waitlist
from tokenbudget_server.waitlist.service import Waitlist
from tokenbudget_server.web.features import Dependency, Feature


def feature(engine: AsyncEngine) -> Feature:
    """Make the feature."""
    return Feature(
        name="waitlist",
        description="Who would like to hear of the product.",
        routes=[post_waitlist, get_waitlist],
        dependencies={"waitlist": Dependency.of(Waitlist(engine), problems=(503,))},
    )
