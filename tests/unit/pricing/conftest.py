"""A small price table of the tests' own: refreshing the bundled one breaks no expectation."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tokenbudget.pricing import PriceBook, Pricer
from tokenbudget.pricing.book.diff import read_table

HERE = Path(__file__).parent


def pinned_table():
    return json.loads((HERE / "table.json").read_text("utf-8"), parse_float=Decimal)


@pytest.fixture(scope="session")
def table():
    return pinned_table()


@pytest.fixture(scope="session")
def book(table):
    return PriceBook(read_table(table, "pinned").rows)


@pytest.fixture(scope="session")
def pricer(book):
    return Pricer(book)
