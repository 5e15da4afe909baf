"""What pricing costs: microseconds of CPU a call beside genai-prices and LiteLLM, and ledger rows repriced a second.

The calculators take turns in one process and the best of several rounds counts, so the ratios hold on a busy machine.
LiteLLM's calculator takes part where the ``litellm`` package is installed; TokenBudget does not need it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import genai_prices
import polars as pl

from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.pricing import default, price
from tokenbudget.pricing.engine.frame_pricing import reprice_frame

TARGET_US, TARGET_ROWS = 10.0, 1_000_000
CALLS, ROUNDS = 2_000, 9
ROWS = 1_000_000
# Name, provider, genai-prices' name of it, model, tokens.
EXAMPLES = [
    ("2 lines", "openai", "openai", "gpt-4o-mini-2024-07-18", {"input_tokens": 1370, "output_tokens": 155}),
    (
        "3 lines, cached",
        "openai",
        "openai",
        "gpt-4o-mini-2024-07-18",
        {"input_tokens": 1370, "output_tokens": 155, "cache_read_tokens": 1280},
    ),
    (
        "4 lines, long context",
        "google",
        "google",
        "gemini-2.5-pro",
        {"input_tokens": 250_000, "output_tokens": 900, "cache_read_tokens": 200_000},
    ),
]
MODELS = [
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-5-2025-08-07"),
    ("anthropic", "claude-sonnet-4-6"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-v4-flash"),
    ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
    ("nobody", "unknown"),
]


def cpu_us(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Measure CPU microseconds of one call, the callables taking turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.process_time()
            for _ in range(CALLS):
                call()
            best[name] = min(best[name], (time.process_time() - start) / CALLS * 1e6)
    return best


def calculators(provider: str, theirs: str, model: str, tokens: dict[str, int]) -> dict[str, Callable[[], Any]]:
    """Return the calculators at hand, each pricing the same call."""
    usage, other = Usage(**tokens), genai_prices.Usage(**tokens)
    found: dict[str, Callable[[], Any]] = {
        "tokenbudget": lambda: price(provider, model, usage, service_tier="default"),
        "genai-prices": lambda: genai_prices.calc_price(other, model, provider_id=theirs),
    }
    if importlib.util.find_spec("litellm"):
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # Its table, not the network's.
        import litellm

        prefix = {"google": "gemini/"}.get(provider, "")
        found["litellm"] = lambda: litellm.cost_per_token(
            model=prefix + model,
            prompt_tokens=tokens["input_tokens"],
            completion_tokens=tokens["output_tokens"],
            cache_read_input_tokens=tokens.get("cache_read_tokens", 0),
        )
    return found


def ledger(rows: int) -> pl.DataFrame:
    """Make a ledger frame of calls over two months."""
    index = pl.int_range(rows, eager=True)
    start = datetime(2026, 10, 1, tzinfo=UTC)
    spread = {
        "input_tokens": (index * 7919) % 260_000,
        "output_tokens": (index * 31) % 4_000,
        "cache_read_tokens": ((index * 7919) % 260_000) // 3,
        "reasoning_tokens": ((index * 31) % 4_000) // 2,
    }
    return pl.DataFrame(
        {
            "provider": pl.Series([name for name, _ in MODELS]).gather(index % len(MODELS)),
            "model": pl.Series([model for _, model in MODELS]).gather(index % len(MODELS)),
            "service_tier": pl.Series([None, "default", "flex"], dtype=pl.String).gather(index % 3),
            "occurred_at": pl.select(pl.lit(start) + pl.lit(index) * timedelta(seconds=5)).to_series(),
            **{name: spread.get(name, pl.repeat(0, rows, dtype=pl.Int64, eager=True)) for name in TOKEN_FIELDS},
        }
    ).with_columns(pl.col("occurred_at").dt.cast_time_unit("us"))


def rows_a_second(rows: int) -> tuple[float, float]:
    """Measure rows repriced per second of wall clock and of CPU."""
    frame = ledger(rows)
    pricer = default()
    reprice_frame(frame.head(1000), pricer)
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        reprice_frame(frame, pricer)
        best = [min(best[0], time.perf_counter() - wall), min(best[1], time.process_time() - cpu)]
    return rows / best[0], rows / best[1]


def cold_ms() -> float:
    """Measure CPU milliseconds from importing to the first price, in a fresh process."""
    code = (
        "import time; start = time.process_time(); from tokenbudget.pricing import price; "
        "from tokenbudget.core.usage import Usage; "
        "price('openai', 'gpt-4o', Usage(input_tokens=1, output_tokens=1)); print(time.process_time() - start)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs) * 1000


def main() -> None:
    """Measure and print."""
    print(f"{'one call, CPU':35}{'µs':>9}{'ratio':>9}")
    for name, provider, theirs, model, tokens in EXAMPLES:
        figures = cpu_us(calculators(provider, theirs, model, tokens))
        ours = figures["tokenbudget"]
        for who, us in figures.items():
            goal = f"   target {TARGET_US:.0f}" if who == "tokenbudget" else ""
            print(f"{name if who == 'tokenbudget' else '':22} {who:12}{us:9.2f}{us / ours:8.1f}x{goal}")
    wall, cpu = rows_a_second(ROWS)
    rates = f"{wall / 1e6:7.2f} M rows/s   ({cpu / 1e6:.2f} M per CPU second, target {TARGET_ROWS / 1e6:.0f})"
    print(f"\n{'reprice_frame':35}{rates}")
    print(f"{'import and first price':35}{cold_ms():7.0f} ms CPU")


if __name__ == "__main__":
    main()
