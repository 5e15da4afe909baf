"""Ship the journal to a server in batches and remember what it acknowledged."""

from tokenbudget.transport.probe import Probe, probe
from tokenbudget.transport.push import Pushed, push
from tokenbudget.transport.shipper import Shipper

__all__ = ["Probe", "Pushed", "Shipper", "probe", "push"]
