"""Make the bundled price file from LiteLLM's table: ``python -m tokenbudget.pricing.book.build`` (``dev.py prices``).

The table is data under the MIT licence, taken out of the ``litellm`` wheel; the project does not depend on the package.
Rows of models that the newest table has dropped are kept: their last known price still prices their events.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from tokenbudget.pricing.book.diff import EVERYTHING, RULES, diff, read_table
from tokenbudget.pricing.book.field_names import parse
from tokenbudget.pricing.book.price_book import BUNDLED, PriceBook, PriceRow, Provenance, read_file, write_file

DATA = Path(__file__).parent.parent / "data"
# Tables that still list models which later ones dropped, oldest first.
OLDER = ("1.81.0", "1.98.0")
_MEMBER = "litellm/model_prices_and_context_window_backup.json"


def unknown_fields(rows: Iterable[PriceRow]) -> Counter[str]:
    """Count the price fields that neither the grammar nor a rule reads; they are stored but not used."""
    names = (name for row in rows for name in row.fields() if name not in RULES and parse(name) is None)
    return Counter(names)


def download(version: str | None, folder: Path) -> Path:
    """Fetch the ``litellm`` wheel of a version (the newest when None) with pip."""
    wanted = f"litellm=={version}" if version else "litellm"
    # An environment made by uv has no pip of its own.
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["pip"]
    subprocess.run([*pip, "download", "--no-deps", "--quiet", "--dest", str(folder), wanted], check=True)  # noqa: S603 (the arguments are ours)
    return max(folder.glob("litellm-*.whl"), key=lambda path: path.stat().st_mtime)


def read_wheel(wheel: Path) -> tuple[str, dict[str, Any]]:
    """Return the version of a wheel and its price table, numbers as decimals."""
    with zipfile.ZipFile(wheel) as archive:
        table: dict[str, Any] = json.loads(archive.read(_MEMBER), parse_float=Decimal)
    return wheel.name.split("-")[1], table


def dropped_rows(folder: Path, listed: Container[str]) -> list[PriceRow]:
    """Return the last known rows of models that older tables list and the newest does not."""
    rows: dict[str, PriceRow] = {}
    for version in OLDER:
        name, table = read_wheel(download(version, folder))
        rows |= {row.key: row for row in read_table(table, f"litellm {name}").rows if row.key not in listed}
    return [msgspec.structs.replace(row, listed=False) for row in rows.values()]


def build(path: Path, version: str | None = None, wheel: Path | None = None) -> tuple[list[PriceRow], dict[str, str]]:
    """Update the price file to the table of a version (None: the newest).

    Gives all rows of the file, and what was refused of the table, by key.

    A file that exists is history and is only appended to.  A new one begins with the newest table; the prices that
    older tables had for the same models are left out, because what changed between two tables that lie months apart
    is as often the correction of an error as a new price, and the table does not say which.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        name, table = read_wheel(wheel or download(version, folder))
        newest = read_table(table, f"litellm {name}")
        if path.exists():
            known = read_file(path.read_bytes())[1]
            today = datetime.combine(datetime.now(UTC).date(), time(), UTC)
            rows = [*known, *diff(PriceBook(known), newest, at=today, confirmed=EVERYTHING).rows]
        else:
            rows = [*newest.rows, *dropped_rows(folder, table)]
    provenance = Provenance(
        revision=f"litellm {name}",
        fetched=date.today().isoformat(),  # noqa: DTZ011 (the day on the calendar of who builds)
        url="https://github.com/BerriAI/litellm",
        licence="MIT",
        attribution="LiteLLM's model_prices_and_context_window.json, Copyright (c) 2023 Berri AI",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_file(provenance, rows))
    return rows, newest.refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the bundled file and report what is in it."""
    options = argparse.ArgumentParser(prog="dev.py prices", description=__doc__)
    options.add_argument("--version", help="version of litellm; the newest when left out")
    options.add_argument("--wheel", type=Path, help="a wheel that is already there")
    given = options.parse_args(arguments)
    path = DATA / BUNDLED
    rows, refused = build(path, given.version, given.wheel)
    report = [f"{path}: {len(rows)} rows, {path.stat().st_size:,} bytes"]
    report += [f"refused: {key}: {problem}" for key, problem in refused.items()]
    report += [f"not billed by: {name} ({count} rows)" for name, count in sorted(unknown_fields(rows).items())]
    sys.stdout.write("\n".join(report) + "\n")


if __name__ == "__main__":
    main()
