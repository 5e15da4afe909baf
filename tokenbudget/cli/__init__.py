"""The ``tokenbudget`` command; each subcommand imports what it needs when it runs.

Packages add commands through the entry point group ``tokenbudget.commands``.  The server does so, because the library
must not import it.
"""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from tokenbudget import __version__
from tokenbudget.core.errors import TokenBudgetError

GROUP = "tokenbudget.commands"
_OWN = {
    "doctor": "tokenbudget.cli.journal:doctor",
    "import": "tokenbudget.cli.imports:import_transcripts",
    "keys": "tokenbudget.cli.accounts:keys",
    "prices": "tokenbudget.cli.prices:prices",
    "projects": "tokenbudget.cli.accounts:projects",
    "push": "tokenbudget.cli.journal:push",
    "run": "tokenbudget.cli.run:run",
    "statusline": "tokenbudget.cli.imports:statusline",
    "summary": "tokenbudget.cli.summary:summary",
    "top": "tokenbudget.cli.summary:top",
    "users": "tokenbudget.cli.accounts:users",
}
"""The library's commands: looking through what is installed for them would take longer than some of them do."""


class CommandGroup(click.Group):
    """A group whose commands come from installed packages and are loaded on use."""

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP) if point.name not in _OWN}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_OWN, *self._entry_points})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; if its packages are missing, it says what to install."""
        own = _OWN.get(cmd_name)
        point = EntryPoint(cmd_name, own, GROUP) if own else self._entry_points.get(cmd_name)
        if point is None:
            return super().get_command(ctx, cmd_name)
        try:
            command: click.Command = point.load()
        except ImportError as error:
            return _missing(cmd_name, error)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print TokenBudget's errors as a sentence, without a traceback."""
        try:
            return super().invoke(ctx)
        except TokenBudgetError as error:
            raise click.ClickException(str(error)) from error


def _missing(name: str, error: ImportError) -> click.Command:
    help_text = f"(cannot be loaded: {error})"

    @click.command(name, help=help_text, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def explain(arguments: tuple[str, ...]) -> None:
        del arguments
        raise click.ClickException(
            f"`tokenbudget {name}` cannot be loaded: {error}. "
            "Install what it needs: pip install 'tokenbudget-ledger[server,embedded,panel]'"
        )

    return explain


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tokenbudget")
def main() -> None:
    """Know what your AI costs, to the last token."""
