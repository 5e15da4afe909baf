"""What the Panel page writes is what every surface writes: the shared cases, seen where they are shown."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from tests.unit.panel.test_tiles import NOTHING, SOME
from tokenbudget_panel import bars, table, tiles

CASES = json.loads((Path(__file__).parents[2] / "cases" / "format.json").read_text("utf-8"))


def exact(value):
    return None if value is None else Decimal(str(value))


def rate(value):
    return None if value is None else float(value)


def tile(name, current, previous=NOTHING):
    return next(one for one in tiles.tiles(SOME | current, NOTHING | previous) if one.name == name)


def cell(name, metric, value):
    group = SOME | {"model": "a", "share": None, "avg_latency_ms": None, metric: value}
    frame = table.rows(
        SimpleNamespace(query=SimpleNamespace(by=("model",)), groups=SimpleNamespace(to_dicts=lambda: [group])), {}
    )
    return frame[f"{name}_text"].item(), frame[f"{name}_exact"].item()


SHOWN = {
    "money_short": lambda value: tile("Spend", {"cost_usd": exact(value)}).value,
    "money_exact": lambda value: tile("Spend", {"cost_usd": exact(value)}).exact,
    "number_short": lambda value: tile("Tokens", {"total_tokens": exact(value)}).value,
    "change": lambda now, before: tile("Spend", {"cost_usd": exact(now)}, {"cost_usd": exact(before)}).change,
    "money": lambda value: cell("cost", "cost_usd", exact(value))[0],
    "number": lambda value: cell("requests", "requests", exact(value))[0],
    "percent": lambda value: cell("share", "share", rate(value))[0],
    "duration": lambda value: cell("latency", "avg_latency_ms", rate(value))[0],
    "bucket_short": lambda start, interval, zone: next(
        iter(bars.labels([datetime.fromisoformat(start).astimezone(ZoneInfo(zone))], interval).values())
    ),
}


@pytest.mark.parametrize(
    ("rule", "case"), [pytest.param(name, case, id=f"{name} {case}") for name in SHOWN for case in CASES[name]["cases"]]
)
def test_a_case(rule, case):
    *values, expected = case
    assert SHOWN[rule](*values) == expected


def test_a_dash_says_what_it_means():
    assert cell("latency", "avg_latency_ms", None) == ("–", "no value")
