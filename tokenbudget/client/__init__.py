"""Ask a server the questions that analytics answers locally."""

from tokenbudget.client.client import Client

__all__ = ["Client"]
