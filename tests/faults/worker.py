"""A host program, as far as faults go: ``python worker.py HOW NAME [COUNT]`` records events as a wrapped client does.

How far it came is in the file ``NAME`` beside the home: the number of events whose recording had returned, written
through a mapping, so that it survives a SIGKILL.
"""

import mmap
import multiprocessing
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


class Progress:
    def __init__(self, name):
        path = Path(os.environ["TOKENBUDGET_HOME"] + ".progress", name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def reached(self, count):
        self._map[:8] = count.to_bytes(8, "little")


def event_of(name, number):
    """Make event `number` of `name`; its tokens, and so its cost, tell which it is."""
    from tokenbudget.core.event import Event
    from tokenbudget.core.ids import uuid7
    from tokenbudget.core.usage import Usage

    return Event(
        id=uuid7(),
        occurred_at=datetime.now(UTC),
        provider="openai",
        model="gpt-4o-mini",
        usage=Usage(input_tokens=number + 1, output_tokens=1),
        response_id=f"{name}/{number}",
    )


def record(name, number):
    """Record event `number` of `name` as a wrapped client does."""
    from tokenbudget.recording import recorder

    recorder.record(event_of(name, number))


def work(name, count, pause=0.0):
    progress = Progress(name)
    for number in range(count):
        record(name, number)
        progress.reached(number + 1)
        if pause:
            time.sleep(pause)


def once(name, count):
    work(name, count)


def slowly(name, count):
    work(name, count, pause=0.002)


def until_told(name, count):
    """Record, then live on until stdin closes: the shipper has time."""
    work(name, count)
    sys.stdin.read()


def forking(name, count):
    """Record before a fork, in the child and in the parent; the child leaves as a forked worker does."""
    work(f"{name}-before", count)
    child = os.fork()
    if not child:
        work(f"{name}-child", count)
        os._exit(0)
    work(f"{name}-parent", count)
    os.waitpid(child, 0)


def _pool(method, name, count):
    record(f"{name}-before", 0)
    Progress(f"{name}-before").reached(1)
    workers = [
        multiprocessing.get_context(method).Process(target=work, args=(f"{name}-{number}", count))
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def pool_fork(name, count):
    _pool("fork", name, count)


def pool_spawn(name, count):
    _pool("spawn", name, count)


def nursery(name, count):
    """For each name on stdin: fork a child that records until it is killed; everything is imported beforehand."""
    from tokenbudget.pricing import priced
    from tokenbudget.transport import shipper
    from tokenbudget.transport.httpx_compat import http_library

    http_library()
    priced(event_of(name, 0))
    shipper.LINGER_SECONDS = 0.01  # So that kills hit shipping, too.
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(line.strip(), count, pause=0.0002)
            time.sleep(60)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("gone\n")
        sys.stdout.flush()


if __name__ == "__main__":
    how, name, *count = sys.argv[1:]
    globals()[how](name, int(count[0]) if count else 50)
