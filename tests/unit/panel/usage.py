"""Believable calls of the last 90 days, for the tests of the dashboard."""

import random
from datetime import UTC, datetime, timedelta

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.recording import recorder

MODELS = (
    ("openai", "gpt-4o-mini", 8),
    ("openai", "gpt-4o", 4),
    ("openai", "gpt-4.1", 2),
    ("openai", "gpt-4.1-mini", 2),
    ("openai", "a-finetune-without-a-price", 0.5),
    ("anthropic", "claude-sonnet-4-5", 4),
    ("anthropic", "claude-haiku-4-5", 3),
    ("anthropic", "claude-opus-4-1", 0.5),
    ("google", "gemini-2.5-flash", 2),
)
FEATURES = ("chatbot", "search", "summaries", "<img src=x onerror=alert(1)>")


def call(at: datetime, chance: random.Random) -> Event:
    provider, model, _ = chance.choices(MODELS, [weight for *_, weight in MODELS])[0]
    read, written = int(chance.lognormvariate(7, 1)), int(chance.lognormvariate(5.5, 1))
    failed = chance.random() < 0.02
    tags = {"feature": chance.choice(FEATURES), "user_id": f"u{chance.randrange(70)}", "team": "core"}
    return Event(
        id=uuid7(),
        occurred_at=at,
        provider=provider,
        model=model,
        usage=Usage()
        if failed
        else Usage(input_tokens=read, output_tokens=written, cache_read_tokens=int(read * chance.random() / 2)),
        status="error" if failed else "ok",
        error_type="RateLimitError" if failed else None,
        latency_ms=chance.lognormvariate(7, 0.6),
        tags={key: value for key, value in tags.items() if chance.random() < 0.9},
    )


def record(calls: int, *, flush: bool = False) -> None:
    """Journal calls under the home that is configured; with `flush`, wait until the server has them."""
    chance, now = random.Random(2026), datetime.now(UTC)
    for _ in range(calls):
        recorder.record(call(now - timedelta(days=90 * chance.random()), chance))
    if flush:
        assert recorder.flush(timeout=60)
    recorder.shutdown()
