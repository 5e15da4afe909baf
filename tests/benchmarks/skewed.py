"""Skewed usage as ledger frames: few models and features make most of the calls, users are many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl

from tokenbudget_server.ledger.files import DayFiles, SealedDay
from tokenbudget_server.ledger.queries import TYPES, Day, Version, midnight
from tokenbudget_server.ledger.storage import Directory

DAYS = 90
LAST = date(2026, 9, 30)
PROJECT = 1
_MODELS = ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash", "claude-haiku-4-5", "o3", "mistral-small"]
_PROVIDERS = ["openai", "openai", "anthropic", "google", "anthropic", "openai", "mistral"]
_DAY_US = 86_400_000_000


def day_frame(day: date, events: int, seed: int) -> pl.DataFrame:
    """Make up one day of the server's ledger."""
    rng = np.random.default_rng(seed)
    model = np.minimum(rng.zipf(1.6, events) - 1, len(_MODELS) - 1)
    feature = np.minimum(rng.zipf(1.5, events) - 1, 39)
    user = np.minimum(rng.zipf(1.2, events), 50_000)
    inputs = rng.lognormal(6.5, 1.2, events).astype(np.int64)
    outputs = rng.lognormal(5, 1, events).astype(np.int64)
    start = np.datetime64(day, "us")
    occurred = np.sort(start + rng.integers(0, _DAY_US, events).astype("timedelta64[us]"))
    times_ms = [int(at).to_bytes(6) for at in occurred.astype("datetime64[ms]").astype(np.int64)]  # As in UUIDv7.
    frame = pl.DataFrame(
        {
            "id": [str(UUID(bytes=begins + rng.bytes(10))) for begins in times_ms],
            "occurred_at": occurred,
            "provider": pl.Series(_PROVIDERS).gather(model),
            "model": pl.Series(_MODELS).gather(model),
            "operation": ["chat"] * events,
            "status": np.where(rng.random(events) < 0.01, "error", "ok"),
            "measured": ["exact"] * events,
            "source": ["python"] * events,
            "latency_ms": rng.lognormal(6.5, 0.8, events).round(1),
            "time_to_first_token_ms": rng.lognormal(5.5, 0.6, events).round(1),
            "input_tokens": inputs,
            "output_tokens": outputs,
            "cache_read_tokens": np.where(rng.random(events) < 0.3, inputs // 2, 0),
            "cost_pico": (inputs * 150_000 + outputs * 600_000) * (1 + model),
            "project_id": [PROJECT] * events,
            "api_key_id": rng.integers(1, 6, events),
            "tag_feature": pl.Series([f"feature-{n}" for n in range(40)]).gather(feature),
            "tag_user_id": pl.Series([f"u{n}" for n in range(50_001)]).gather(user),
        }
    ).with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC"))
    zeros = {name: 0 for name, dtype in TYPES.items() if name.endswith("_tokens") and name not in frame.columns}
    nulls = [pl.lit(None, dtype).alias(name) for name, dtype in TYPES.items() if name not in {*frame.columns, *zeros}]
    return frame.with_columns(*nulls, **{name: pl.lit(0) for name in zeros}).cast(
        {name: dtype for name, dtype in TYPES.items() if name != "id"}
    )


def seal(directory: Path, events: int) -> dict[Day, tuple[Version, SealedDay]]:
    """Seal `events` over `DAYS` days, more on later ones; what is there from another time is taken as it is."""
    storage = Directory(directory)
    counts = _counts(events)
    versions = {
        (PROJECT, LAST - timedelta(days=DAYS - 1 - number)): Version(count, 1, "0")
        for number, count in enumerate(counts)
    }
    made = DayFiles(storage).find(versions)
    for number, (day, version) in enumerate(versions.items()):
        if day not in made:
            made[day] = DayFiles(storage).write(day, version, day_frame(day[1], version.requests, number), 0)
    return {day: (version, made[day]) for day, version in versions.items()}


def _counts(events: int) -> list[int]:
    weights = np.linspace(1, 2, DAYS)
    up_to = np.rint(events * weights.cumsum() / weights.sum()).astype(int)
    return np.diff(up_to, prepend=0).tolist()


def until() -> datetime:
    """Return the moment at which the last day ends."""
    return midnight(LAST).astimezone(UTC) + timedelta(days=1)
