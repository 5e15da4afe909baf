"""A command that fails, for the tests of the command line."""

import click

from tokenbudget.core.errors import ConfigError


@click.command()
def command():
    raise ConfigError("the port is closed")
