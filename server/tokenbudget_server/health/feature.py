"""Health as a feature of the API."""

from __future__ import annotations

from tokenbudget_server.health.routes import get_health
from tokenbudget_server.web.features import Feature


def feature() -> Feature:
    """Make the feature."""
    return Feature(name="health", description="Whether the server can do its work.", routes=[get_health])
