"""What a start looks like in the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tokenbudget.core.formatting import duration

_LABEL_WIDTH = 12


def title(text: str) -> None:
    """Say what is being started."""
    click.secho(f"\n  {text}\n", bold=True)


def note(text: str) -> None:
    """Say something beside the steps."""
    click.echo(f"    {text}")


def warn(text: str) -> None:
    """Say that something is not as it should be."""
    click.secho(f"  {_sign('!', '!')} {text}", fg="yellow")


class Step:
    """A step under way; its `detail` is shown when it is done."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self.detail = ""

    def progress(self, text: str) -> None:
        """Show how far it is, where the terminal can replace a line."""
        if sys.stdout.isatty():
            click.echo(f"\r\033[K  {_sign('…', '.')} {self._label:<{_LABEL_WIDTH}}{text}", nl=False)

    def done(self) -> None:
        """Show that it is done."""
        seconds = time.monotonic() - self._started
        took = click.style(f"  {duration(1000 * seconds)}", dim=True) if seconds >= 0.1 else ""  # noqa: PLR2004
        start = "\r\033[K" if sys.stdout.isatty() else ""
        mark = click.style(_sign("✓", "*"), fg="green")
        click.echo(f"{start}  {mark} {self._label:<{_LABEL_WIDTH}}{self.detail}{took}")

    def failed(self) -> None:
        """Leave the line as it is; what follows says why."""
        if sys.stdout.isatty():
            click.echo()


@contextmanager
def step(label: str, doing: str = "") -> Iterator[Step]:
    """Show a step while it is under way and when it is done."""
    current = Step(label)
    current.progress(doing)
    try:
        yield current
    except BaseException:
        current.failed()
        raise
    current.done()


def _sign(sign: str, plain: str) -> str:
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return sign
