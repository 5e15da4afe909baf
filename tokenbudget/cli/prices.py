"""``tokenbudget prices``: update the price table, set your own prices, show a price."""

from __future__ import annotations

from typing import Any

import click

from tokenbudget.core.errors import PriceError
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import Usage


@click.group("prices")
def prices() -> None:
    """Update, set and show prices of models."""


@prices.command()
@click.option("--from", "url", metavar="URL", help="URL or path of the table; LiteLLM's by default.")
@click.option(
    "--confirm", multiple=True, metavar="KEY", help="Accept a price that changed more than tenfold; * for all."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, without changing it.")
def sync(url: str | None, confirm: tuple[str, ...], *, dry_run: bool) -> None:
    """Download the price table and store what changed."""
    from tokenbudget.pricing.book.sync import report
    from tokenbudget.pricing.book.sync import sync as fetch

    try:
        for line in report(fetch(url, confirmed=confirm, dry_run=dry_run)):
            click.echo(line)
    except PriceError as error:
        raise click.ClickException(str(error)) from error


@prices.command("set")
@click.argument("provider")
@click.argument("model")
@click.option("--input", "input_per_million", metavar="USD", help="Per million input tokens.")
@click.option("--output", "output_per_million", metavar="USD", help="Per million output tokens.")
@click.option("--multiplier", metavar="X", help="0.85 is 15 % off the table's price.")
@click.option("--from", "effective_from", metavar="DATE", help="Start of the price; all calls by default.")
@click.option("--note", default="", help="Text that receipts show as the source.")
def set_price(provider: str, model: str, **options: Any) -> None:
    """Set what you pay for MODEL of PROVIDER (* for all its models)."""
    from tokenbudget.pricing import prices as own

    try:
        own.set(provider=provider, model=model, **options)
    except PriceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{model} of {provider} is priced as you say; `tokenbudget prices show {provider} {model}` shows it")


@prices.command()
@click.argument("provider")
@click.argument("model")
def show(provider: str, model: str) -> None:
    """Show the price of 1,000 input and 1,000 output tokens of MODEL of PROVIDER."""
    from tokenbudget.pricing import price
    from tokenbudget.pricing.receipt_view import ReceiptView

    answer = price(provider, model, Usage(input_tokens=1000, output_tokens=1000))
    if isinstance(answer, Unpriced):
        raise click.ClickException(answer.detail)
    click.echo(repr(ReceiptView(answer=answer)))
