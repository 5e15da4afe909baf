"""A WSGI application that records one event per request, for gunicorn's prefork workers."""

import os
from itertools import count

from tests.faults.worker import Progress, record

_numbers = count()
_progress = {}


def application(environ, start_response):
    name = f"gunicorn-{os.getpid()}"
    progress = _progress.setdefault(os.getpid(), Progress(name))
    number = next(_numbers)
    record(name, number)
    progress.reached(number + 1)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
