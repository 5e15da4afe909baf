"""For each number on stdin: rewrite the home's parts in a child that kills itself at that executed line.

Children are forked from here, where polars is imported and was never used: its threads do not survive a fork.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tokenbudget.journal import files
from tokenbudget.journal.compaction import manifest, rewriting

WATCHED = {module.__file__ for module in (rewriting, manifest, files)}
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def raise_by_one(frame):
    return frame.with_columns(pl.col("cost") + 1)


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
        rewriting.rewrite(Path(sys.argv[1]), *EVER, raise_by_one)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write("killed\n" if code == -signal.SIGKILL else f"ended with {code}\n")
    sys.stdout.flush()
