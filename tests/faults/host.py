"""A client in the tests' own process."""

import msgspec

from tests.faults.waiting import wait_for
from tests.faults.worker import event_of
from tokenbudget.core.event import encode
from tokenbudget.journal import Journal, status
from tokenbudget.pricing import priced
from tokenbudget.transport import Shipper


def event(name, number, **changes):
    """Return the record of event `number` of `name`, as the runtime would write it."""
    return encode(priced(msgspec.structs.replace(event_of(name, number), **changes)))


class Host:
    """A client in this process."""

    def __init__(self, settings):
        self.settings = [settings]
        self.journal = Journal(settings.home, sends=lambda: True)
        self.shipper = Shipper(self.journal, settings=lambda: self.settings[0])
        self.recorded = 0

    def record(self, count):
        for number in range(self.recorded, self.recorded + count):
            self.journal.append(event("host", number))
            self.shipper.wake()
        self.recorded += count


def delivered(host, evidence):
    """Wait for the shipper to deliver on its own, retries included."""
    wait_for(lambda: not host.journal.held() and status(host.settings[0].home).pending == 0, 60)
    return evidence.check({"host": host.recorded}) == host.recorded
