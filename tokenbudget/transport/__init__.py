"""Ship the journal to a server in batches and remember what it acknowledged."""

from tokenbudget.transport.shipper import Shipper

__all__ = ["Shipper"]
