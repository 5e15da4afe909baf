"""What is attacked: the application of the server's tests."""

from tests.integration.server.conftest import client, headers, key, quick_keys, settings, sql

__all__ = ["client", "headers", "key", "quick_keys", "settings", "sql"]
