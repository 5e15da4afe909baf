"""What the made-up company uses models for; data, not code."""

from __future__ import annotations

from typing import NamedTuple


class Workload(NamedTuple):
    """One use of one model.

    Attributes
    ----------
    feature, team, env : str
        Tags.
    provider, model : str
        As the response names them; ``requested`` is what was asked for.
    operation : str
    calls : int
        On a working day at the beginning.
    input_tokens, output_tokens : int
        Medians; the spread is wide to the right, as it is in life.
    cached : float
        Part of the input that is usually read from the cache.
    reasoning : float
        Part of the output that is reasoning.
    tokens_per_second : int
        Of the output, for the latency.
    users : int
        People it serves; none for what runs by itself.
    weekend : float
        Calls on a day of the weekend, relative to a working day.
    nightly : bool
        Runs between one and four at night.
    batch : bool
    starts_on_day : int
        First day, counted from the beginning: models are tried and adopted later.
    """

    feature: str
    team: str
    provider: str
    model: str
    requested: str
    operation: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached: float = 0.0
    reasoning: float = 0.0
    tokens_per_second: int = 90
    users: int = 0
    weekend: float = 0.35
    nightly: bool = False
    batch: bool = False
    starts_on_day: int = 0
    env: str = "prod"


WORKLOADS: tuple[Workload, ...] = (
    Workload(
        feature="support-chat",
        team="support",
        provider="openai",
        model="gpt-4o-mini-2024-07-18",
        requested="gpt-4o-mini",
        operation="chat",
        calls=92,
        input_tokens=1_450,
        output_tokens=230,
        cached=0.45,
        users=60,
        weekend=0.7,
    ),
    Workload(
        feature="support-chat",
        team="support",
        provider="anthropic",
        model="claude-haiku-4-5-20251001",
        requested="claude-haiku-4-5",
        operation="messages",
        calls=40,
        input_tokens=1_700,
        output_tokens=260,
        cached=0.55,
        users=60,
        weekend=0.7,
        starts_on_day=38,
    ),
    Workload(
        feature="code-review",
        team="engineering",
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        requested="claude-sonnet-4-5",
        operation="messages",
        calls=44,
        input_tokens=9_500,
        output_tokens=900,
        cached=0.72,
        tokens_per_second=70,
        users=18,
        weekend=0.06,
    ),
    Workload(
        feature="research-agent",
        team="insights",
        provider="openai",
        model="gpt-5-2025-08-07",
        requested="gpt-5",
        operation="responses",
        calls=20,
        input_tokens=7_800,
        output_tokens=2_400,
        cached=0.3,
        reasoning=0.62,
        tokens_per_second=60,
        users=9,
        weekend=0.12,
    ),
    Workload(
        feature="document-search",
        team="platform",
        provider="openai",
        model="text-embedding-3-small",
        requested="text-embedding-3-small",
        operation="embeddings",
        calls=120,
        input_tokens=620,
        output_tokens=0,
        users=80,
        weekend=0.4,
    ),
    Workload(
        feature="document-search",
        team="platform",
        provider="google",
        model="gemini-2.5-flash",
        requested="gemini-2.5-flash",
        operation="generate_content",
        calls=52,
        input_tokens=3_300,
        output_tokens=310,
        reasoning=0.25,
        tokens_per_second=150,
        users=80,
        weekend=0.4,
    ),
    Workload(
        feature="nightly-reports",
        team="insights",
        provider="google",
        model="gemini-2.5-pro",
        requested="gemini-2.5-pro",
        operation="generate_content",
        calls=16,
        input_tokens=24_000,
        output_tokens=1_900,
        reasoning=0.4,
        nightly=True,
        weekend=1.0,
    ),
    Workload(
        feature="invoice-extraction",
        team="finance",
        provider="openai",
        model="gpt-4.1-mini-2025-04-14",
        requested="gpt-4.1-mini",
        operation="chat",
        calls=36,
        input_tokens=2_600,
        output_tokens=340,
        nightly=True,
        batch=True,
        weekend=0.5,
    ),
    Workload(
        feature="translation",
        team="marketing",
        provider="mistral",
        model="mistral-small-latest",
        requested="mistral-small-latest",
        operation="chat",
        calls=24,
        input_tokens=900,
        output_tokens=850,
        tokens_per_second=140,
        users=12,
        weekend=0.1,
    ),
    Workload(
        feature="experiments",
        team="engineering",
        provider="groq",
        model="llama-3.3-70b-versatile",
        requested="llama-3.3-70b-versatile",
        operation="chat",
        calls=14,
        input_tokens=1_900,
        output_tokens=420,
        tokens_per_second=420,
        users=6,
        weekend=0.15,
        env="dev",
        starts_on_day=21,
    ),
    Workload(
        feature="experiments",
        team="engineering",
        provider="vllm",
        model="acme-support-70b-lora",
        requested="acme-support-70b-lora",
        operation="chat",
        calls=9,
        input_tokens=1_600,
        output_tokens=300,
        tokens_per_second=55,
        users=6,
        weekend=0.1,
        env="dev",
        starts_on_day=52,
    ),
)

RUNAWAY = "research-agent"
"""The feature whose agent called itself in a loop one night."""
