"""Write docs/reference/formats.md from the cases that Python, Panel and React pass, or compare it with ``--check``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases" / "format.json"
PAGE = ROOT / "docs" / "reference" / "formats.md"
_EXAMPLES = 4

HEAD = """# Numbers as people read them

<!-- Written by docs/generate_formats.py from tests/cases/format.json. -->

Notebooks, figures, the terminal, the Panel dashboard and the React dashboard write numbers by the same rules. They are
implemented in `tokenbudget/core/formatting.py` (dates: `date_formatting.py`) and in `web/dashboard/src/format/`; both
are tested with all cases of `tests/cases/format.json`. This page shows some of them. To change a rule, change its
cases first.

| What | Rule | Examples |
|---|---|---|
"""
END = """
* **Unknown is not zero.** A cost or a count that exists but is not known is written as the word *unknown*. A rate, a
  share or a duration with nothing to measure or to divide by is a dash, which screen readers read as “no value”.
* Halves are rounded away from zero. A number that rounds up to the next unit is written in that unit: 1M, not 1000k.
* The minus sign is “−” (U+2212), which screen readers read; the space before a unit is an ordinary one.
* Money stays decimal from the database to the text: neither Python nor the browser converts it to a float.
* **Languages.** The table is for English. Python always uses it, whatever the locale of the host program. The React
  dashboard writes the separators of numbers, and dates, in the format of the viewer's browser (`$1.234,50`, `7. Okt.`);
  signs, units and words stay the same. In English, dates follow the table in every country.
* Receipts and data frames hold plain numbers; the column's heading names the unit.
"""


def page() -> str:
    """Return the text of the page."""
    rules = json.loads(CASES.read_text("utf-8")).values()
    rows = (f"| {rule['what']} | {rule['rule']} | {_examples(rule['cases'])} |" for rule in rules)
    return HEAD + "\n".join(rows) + "\n" + END


def _examples(cases: list[list[Any]]) -> str:
    return "<br>".join(
        f"{', '.join(map(_value, given))} → {f'`{text}`' if text else '(nothing)'}"
        for *given, text in cases[:_EXAMPLES]
    )


def _value(value: object) -> str:
    return "null" if value is None else str(value)


def main(args: Sequence[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in args:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date. What to do: python3 dev.py docs")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
