"""A client in the tests' own process."""

from datetime import UTC, datetime

from tests.faults.waiting import wait_for
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.journal import Journal, status
from tokenbudget.pricing import priced
from tokenbudget.transport import Shipper


def event(name, number, at=None):
    made = Event(
        id=uuid7(),
        occurred_at=at or datetime.now(UTC),
        provider="openai",
        model="gpt-4o-mini",
        usage=Usage(input_tokens=number + 1, output_tokens=1),
        response_id=f"{name}/{number}",
    )
    return encode(priced(made))


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
