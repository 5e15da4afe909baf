"""Write docs/explanation/accuracy.md from the recorded answers of the tests, or compare it with ``--check``."""

import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
for name in [name for name in os.environ if name.startswith("TOKENBUDGET_")]:
    del os.environ[name]  # The prices of this machine's user are not the page's.
HOME = tempfile.TemporaryDirectory(prefix="tokenbudget-accuracy-")
os.environ["TOKENBUDGET_HOME"] = HOME.name
os.environ["TOKENBUDGET_RAISE"] = "1"
warnings.simplefilter("ignore")  # How the SDKs leave their sockets is theirs.

from tests.integration.capture.local_server import LocalServer, running  # noqa: E402 (found by the lines above)
from tests.recordings.corpus import AT, Recording, cost, recordings, total, used  # noqa: E402
from tests.recordings.replay import WAYS, replayed  # noqa: E402
from tests.recordings.written import WRITTEN  # noqa: E402
from tokenbudget.pricing import PriceBook  # noqa: E402

PAGE = ROOT / "docs" / "explanation" / "accuracy.md"
HEAD = """# How exact the counts and costs are

<!-- Written by docs/generate_accuracy.py from tests/recordings. -->

**{tokens} of {all_tokens} token counts and {costs} of {all_costs} costs equal those calculated by hand.**

Each row is one answer of a provider's API. {recorded} of them were recorded by the test suites of public projects:
texts are replaced; ids, model names and usage are the original ones ([sources](../../tests/recordings/README.md)). The
other {written}, named `w-…`, were written for our tests from the provider's documentation, for formats without a
recording. The provider's own client, wrapped with `tb.wrap`, receives each answer in every way that applies:

| way | what the caller does | answers | token counts | tools and units | costs |
|---|---|---:|---:|---:|---:|
{ways}

*By hand* means without the product's code. Tokens are read from the body by the provider's documentation of each
field. The cost is a sum of quantity times rate, line by line, as stated in `tests/recordings/expected.jsonl` and
`written.py`. The rates are those of {book} on {at.day} {at:%B %Y}, and those of the providers' price lists for what
that table leaves out. If an answer states its cost, that is the cost.

✓ means equal to the last token and the last digit; otherwise the cell shows the differing values. A count that should
not be there is wrong, too. A dash is an unknown count or cost. An empty cell is a way that does not apply; the rules
are in `tests/recordings/replay.py`.

The tests also compare the counts and costs of the same answers as passed on by LlamaIndex, LangChain and LiteLLM, and
those that `tb.explain` shows before and after a day is sealed.
"""
KINDS = ("tokens", "others", "costs")
DOES = {
    "live": "uses the parsed answer",
    "stream": "iterates over the stream",
    "raw": "requests the raw response and reads or parses it",
    "batch": "reads it as a line of a batch's results, at the batch price",
}
_SHORT = {
    "cache_read_tokens": "cached",
    "cache_write_tokens": "written",
    "cache_write_5m_tokens": "for 5 min",
    "cache_write_1h_tokens": "for 1 h",
    "reasoning_tokens": "reasoning",
    "tool_prompt_tokens": "of tools",
}


@dataclass
class Tally:
    """How many figures of a way were compared, and how many were right."""

    answers: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *, is_right: bool) -> None:
        """Count one figure."""
        self.compared[kind] += 1
        self.right[kind] += is_right

    def of(self, kind: str) -> str:
        """Say how many of a kind were right."""
        return f"{self.right[kind]} of {self.compared[kind]}"


def page() -> str:
    """Return the text of the page."""
    answers = [*recordings(), *WRITTEN]
    tallies = {way: Tally() for way in WAYS}
    with running() as server:
        rows = {one.id: _row(one, server, tallies) for one in answers}
    ways = "\n".join(
        f"| {way} | {DOES[way]} | {tally.answers} | {' | '.join(map(tally.of, KINDS))} |"
        for way, tally in tallies.items()
    )
    sums = {
        f"{prefix}{kind}": sum(getattr(tally, which)[kind] for tally in tallies.values())
        for prefix, which in (("", "right"), ("all_", "compared"))
        for kind in KINDS
    }
    head = HEAD.format(
        **{name: f"{count:,}" for name, count in sums.items()},
        ways=ways,
        at=AT,
        book=PriceBook.bundled().revision,
        recorded=sum(bool(one.source) for one in answers),
        written=sum(not one.source for one in answers),
    )
    return head + "".join(_tables(answers, rows))


def _tables(answers: Sequence[Recording], rows: dict[str, str]) -> Iterator[str]:
    for provider in dict.fromkeys(one.provider for one in answers):
        columns = ["", "in", "out", "of them", "US$", *WAYS]
        yield f"\n## {provider}\n\n| {' | '.join(columns)} |\n|---|---:|---:|---|---:|{'---|' * len(WAYS)}\n"
        yield from (f"{rows[one.id]}\n" for one in answers if one.provider == provider)


def _row(recording: Recording, server: LocalServer, tallies: dict[str, Tally]) -> str:
    given, made = (_count(recording.tokens.get(f"{side}_tokens")) for side in ("input", "output"))
    parts = ", ".join(_parts(recording))
    cells = [_cell(recording, way, server, tallies[way]) if WAYS[way].applies(recording) else "" for way in WAYS]
    what = f"`{recording.id}` {recording.api} {recording.model}"
    return f"| {' | '.join([what, given, made, parts, _dollars(total(recording.cost)), *cells])} |"


def _parts(recording: Recording) -> Iterator[str]:
    for name, count in recording.tokens.items():
        if name not in {"input_tokens", "output_tokens"}:
            yield f"{count:,} {_SHORT.get(name) or name.removesuffix('_tokens').replace('_', ' ')}"
    for name, calls in {**recording.tools, **recording.units}.items():
        yield f"{calls:,} × {name.replace('_', ' ')}"


def _cell(recording: Recording, way: str, server: LocalServer, tally: Tally) -> str:
    """Return whether an answer that came in a way counts and costs what it does by hand, and if not, what it does."""
    event = replayed(recording, way, server)
    found, wanted = used(event), recording.used
    by_hand = total(recording.batch if way == "batch" else recording.cost)
    tally.answers += 1
    wrong = [name for name in dict.fromkeys([*wanted, *found]) if found.get(name) != wanted.get(name)]
    for name in dict.fromkeys(["input_tokens", "output_tokens", *wanted, *found]):
        tally.add("tokens" if name.endswith("_tokens") else "others", is_right=name not in wrong)
    costs = cost(event)
    tally.add("costs", is_right=costs == by_hand)
    said = [f"{name} {found.get(name)}" for name in wrong] + ([f"US$ {_dollars(costs)}"] if costs != by_hand else [])
    mark = f"✗ {', '.join(said)}" if said else "✓"
    return f"{mark} {_dollars(by_hand)}" if way == "batch" else mark


def _count(tokens: int | None) -> str:
    return "–" if tokens is None else f"{tokens:,}"


def _dollars(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount.normalize():f}"


def main(args: Sequence[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in args:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date. What to do: python3 dev.py docs")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
