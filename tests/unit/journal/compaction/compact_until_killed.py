"""For each number on stdin: compact the home in a child that kills itself at that executed line of the compaction.

Children are forked from here, where polars is imported and was never used: its threads do not survive a fork.
"""

import os
import signal
import sys
from pathlib import Path

import polars as pl

from tokenbudget.journal import compact, files
from tokenbudget.journal.compaction import manifest, sealing

WATCHED = {module.__file__ for module in (sealing, manifest, files)}


def to_frame(events):
    instants = pl.Series([event.occurred_at for event in events], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"id": [event.id for event in events], "occurred_at": instants})


def killer(line):
    left = line

    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


for number in sys.stdin:
    child = os.fork()
    if not child:
        sys.settrace(killer(int(number)))
        compact(Path(sys.argv[1]), to_frame, min_bytes=0)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write("killed\n" if code == -signal.SIGKILL else f"ended with {code}\n")
    sys.stdout.flush()
