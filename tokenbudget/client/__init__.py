"""Query a TokenBudget server: the same queries that analytics answers locally."""

from tokenbudget.client.client import Client

__all__ = ["Client"]
