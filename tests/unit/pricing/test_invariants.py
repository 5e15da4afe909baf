"""What holds for every call."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.pricing.conftest import pinned_table
from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import TOKEN_FIELDS, Usage, check
from tokenbudget.pricing import PriceBook, Pricer, PriceRow
from tokenbudget.pricing.book.diff import read_table
from tokenbudget.pricing.engine.frame_pricing import EXTRAS, Extras, reprice_frame

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
RAISED = PriceRow.make(
    "gpt-5",
    {"input_cost_per_token": Decimal("3e-6"), "output_cost_per_token": Decimal("2e-5")},
    provider="openai",
    effective_from=JUNE,
)
PRICER = Pricer(PriceBook(read_table(pinned_table(), "pinned").rows).with_rows([RAISED]))
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5"),
    ("openai", "gpt-audio"),
    ("openai", "gpt-image"),
    ("openai", "embedding-small"),
    ("openai", "blank"),
    ("openai", "unknown"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-7"),
    ("google", "gemini-3-flash"),
    ("google", "gemini-2.5-pro"),
    ("vertex", "gemini-3-flash"),
    ("deepseek", "deepseek-v4"),
    ("dashscope", "qwen-coder"),
    ("azure", "gpt-5-mini"),
    ("azure", "model-router"),
    ("perplexity", "deep"),
    ("perplexity", "online"),
    ("moonshot_cn", "kimi"),
    ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc"),
    ("", ""),
]
TIERS = [None, "default", "flex", "priority", "batch", "scale", "nonsense"]
BILL, NO_BILL = {"reported_cost_usd": Decimal("0.01")}, {"reported_cost_usd": Decimal(0)}
BOUNDS = [0, 1, 31_999, 32_000, 32_001, 199_999, 200_000, 200_001]

counts = st.one_of(st.sampled_from(BOUNDS), st.integers(0, 400_000))
# Mostly small, so that parts fit into their wholes side by side; at times they do not.
parts = st.one_of(st.integers(1, 500), st.integers(1, 500), counts)
EDGES = [
    JUNE,
    *(datetime(2026, 11, 3, hour, minute, tzinfo=UTC) for hour, minute in [(4, 0), (6, 0), (16, 30), (0, 30)]),
]
moments = st.one_of(
    st.builds(lambda edge, off: edge + timedelta(microseconds=off), st.sampled_from(EDGES), st.integers(-1, 1)),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)


@st.composite
def usages(draw):
    """Any counts at all, made consistent as capture makes them."""
    given = {name: draw(parts) for name in draw(st.sets(st.sampled_from(TOKEN_FIELDS), max_size=12))}
    wholes = {"input_tokens": draw(counts), "output_tokens": draw(counts)}
    return check(Usage(**given | wholes))[0]


@st.composite
def events(draw):
    provider, model = draw(st.sampled_from(MODELS))
    usage = draw(usages())
    silent = draw(
        st.sampled_from([(), (), (), ("input_tokens",), ("output_tokens",), ("input_tokens", "output_tokens")])
    )
    parts = {name: getattr(usage, name) for name in TOKEN_FIELDS} | dict.fromkeys(silent)
    extra = draw(st.sampled_from([{}, {}, {}, {"tools": {"web_search": 2}}, BILL, NO_BILL]))
    return Event(
        id="x",
        occurred_at=draw(moments),
        provider=provider,
        model=model,
        requested_model=draw(st.sampled_from([None, None, "model-router"])),
        usage=Usage(**parts, **extra),
        service_tier=draw(st.sampled_from(TIERS)),
        region=draw(st.sampled_from([None, "eu", "us", "global"])),
        speed=draw(st.sampled_from([None, None, "standard", "fast"])),
        batch=draw(st.booleans()),
    )


INPUT_ATOMS = (
    "text",
    "read",
    "read_audio",
    "read_image",
    "write",
    "w5",
    "w1",
    "w12",
    "write_audio",
    "audio",
    "image",
    "video",
)
OUTPUT_ATOMS = ("reasoning", "output_audio", "output_image", "output_video", "citation")
PRICED = [
    ("openai", "gpt-5"),
    ("openai", "gpt-audio"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-3-flash"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-v4"),
    ("dashscope", "qwen-coder"),
    ("perplexity", "deep"),
    ("openai", "unknown"),
]


@st.composite
def tidy_events(draw):
    """Calls whose parts lie in their wholes side by side, as providers state them."""
    small = st.sampled_from([0, 0, 1, 250])
    atoms = {name: draw(small) for name in (*INPUT_ATOMS, *OUTPUT_ATOMS)} | {"text": draw(counts)}
    read = atoms["read"] + atoms["read_audio"] + atoms["read_image"]
    write = sum(atoms[name] for name in ("write", "w5", "w1", "w12", "write_audio"))
    usage = Usage(
        input_tokens=atoms["text"] + read + write + atoms["audio"] + atoms["image"] + atoms["video"],
        output_tokens=draw(counts) + sum(atoms[name] for name in OUTPUT_ATOMS),
        cache_read_tokens=read,
        cache_read_audio_tokens=atoms["read_audio"],
        cache_read_image_tokens=atoms["read_image"],
        cache_write_tokens=write,
        cache_write_5m_tokens=atoms["w5"],
        cache_write_1h_tokens=atoms["w1"],
        cache_write_12h_tokens=atoms["w12"],
        cache_write_audio_tokens=atoms["write_audio"],
        input_audio_tokens=atoms["audio"] + atoms["read_audio"] + atoms["write_audio"],
        input_image_tokens=atoms["image"] + atoms["read_image"],
        input_video_tokens=atoms["video"],
        **{f"{name}_tokens": atoms[name] for name in OUTPUT_ATOMS},
    )
    provider, model = draw(st.sampled_from(PRICED))
    return Event(
        id="x",
        occurred_at=draw(moments),
        provider=provider,
        model=model,
        usage=usage,
        service_tier=draw(st.sampled_from([None, "flex"])),
        batch=draw(st.booleans()),
    )


@given(events())
@settings(max_examples=300)
def test_lines_add_up_and_no_token_is_billed_twice(event):
    answer = PRICER.price_event(event)
    if isinstance(answer, Unpriced):
        assert answer.reason != "error", answer.detail
        return
    assert answer.cost_usd == sum((line.amount for line in answer.lines), Decimal(0))
    assert all(line.amount == round(line.quantity * line.rate, 12) for line in answer.lines)
    assert all(line.quantity > 0 for line in answer.lines)
    if answer.price_key != "reported":
        billed = sum(line.quantity for line in answer.lines if line.unit == "token")
        assert billed == (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)


names = st.sampled_from(["web_search", "file_search", "code_interpreter", "google_maps", "telescope"])
amounts = st.sampled_from(["seconds", "images", "pages", "characters", "lenses"])


@given(events(), st.dictionaries(names, st.integers(1, 3)), st.dictionaries(amounts, st.integers(1, 9).map(Decimal)))
@settings(max_examples=300)
def test_what_was_used_is_in_the_cost_or_there_is_no_cost(event, tools, units):
    usage = replace(event.usage, tools=tools, units=units, reported_cost_usd=None)
    answer = PRICER.price_event(replace(event, usage=usage))
    if isinstance(answer, Receipt):
        parts = {line.part for line in answer.lines}
        assert tools.keys() <= parts
        # Beside tokens that have a rate, a unit is another measure of what they are.
        assert units.keys() <= parts or usage.input_tokens or usage.output_tokens
    elif answer.reason == "no_unit_price":
        assert answer.parts
        assert all(part in answer.detail for part in answer.parts)


@given(events())
@settings(max_examples=300)
def test_an_event_costs_what_its_receipt_says(event):
    answer = PRICER.price_event(event)
    priced = PRICER.priced(event)  # The way that is short for most calls, now that the kind of call is known.
    if isinstance(answer, Unpriced):
        assert (priced.cost_usd, priced.price_key, priced.unpriced) == (None, None, answer.label)
    else:
        assert (priced.cost_usd, priced.price_key, priced.unpriced) == (answer.cost_usd, answer.price_key, None)


@given(events(), st.sampled_from(["input_tokens", "output_tokens"]), st.integers(1, 1000))
@settings(max_examples=200)
def test_more_tokens_never_cost_less(event, field, more):
    whole = getattr(event.usage, field)
    if whole is None:
        return
    dearer = replace(event, usage=replace(event.usage, **{field: whole + more}))
    one, other = PRICER.price_event(event), PRICER.price_event(dearer)
    if isinstance(one, Receipt) and isinstance(other, Receipt):
        assert other.cost_usd >= one.cost_usd


def frame_of(listed):
    return pl.DataFrame(
        {
            "occurred_at": pl.Series([e.occurred_at for e in listed], dtype=pl.Datetime("us", "UTC")),
            **{
                name: pl.Series([getattr(e, name) for e in listed], dtype=pl.String)
                for name in ("provider", "model", "requested_model", "service_tier", "region", "speed")
            },
            "batch": [e.batch for e in listed],
            **{name: pl.Series([getattr(e.usage, name) for e in listed], dtype=pl.Int64) for name in TOKEN_FIELDS},
            EXTRAS: pl.Series([Extras.json_of(e.usage) for e in listed], dtype=pl.String),
        }
    )


def check_frame(frame, listed):
    answers = [PRICER.price_event(event) for event in listed]
    priced = reprice_frame(frame, PRICER)
    assert priced["cost_pico"].to_list() == [to_pico(a.cost_usd) if isinstance(a, Receipt) else None for a in answers]
    assert priced["price_key"].to_list() == [a.price_key if isinstance(a, Receipt) else None for a in answers]
    assert priced["unpriced"].to_list() == [a.label if isinstance(a, Unpriced) else None for a in answers]
    assert priced.drop("cost_pico", "price_key", "unpriced").equals(frame)


@given(st.lists(events(), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_frame_costs_what_its_rows_cost(listed):
    check_frame(frame_of(listed), listed)


@given(st.lists(tidy_events(), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_calls_whose_parts_fit_are_priced_by_columns_alone(listed):
    frame = frame_of(listed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokenbudget.pricing.engine.frame_pricing._answer", None)  # Pricing one row would fail.
        reprice_frame(frame, PRICER)
    check_frame(frame, listed)


def test_a_frame_knows_every_hour_of_a_providers_week():
    half_hours = [datetime(2026, 11, 2, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(7 * 48)]
    moments = [at + timedelta(microseconds=off) for at in half_hours for off in (-1, 0)]
    usage = Usage(input_tokens=100, output_tokens=10)
    week = [Event(id="x", occurred_at=at, provider="deepseek", model="deepseek-v4", usage=usage) for at in moments]
    check_frame(frame_of(week), week)


@pytest.mark.parametrize("pico", [1, 2, 3, 999])
def test_rates_down_to_a_picodollar_are_exact(pico):
    rate = Decimal(pico).scaleb(-12)
    book = PriceBook(
        [PriceRow.make("m", {"input_cost_per_token": rate, "output_cost_per_token": 0}, provider="openai")]
    )
    receipt = Pricer(book).price("openai", "m", Usage(input_tokens=10**12 + 1, output_tokens=0))
    assert receipt.cost_usd == rate * (10**12 + 1)


def test_the_callers_decimal_context_changes_nothing():
    usage = Usage(input_tokens=123_456, output_tokens=789)
    expected = PRICER.price("openai", "gpt-4o", usage).cost_usd
    with localcontext() as context:
        context.prec = 2
        assert PRICER.price("openai", "gpt-4o", usage).cost_usd == expected


def test_a_bill_in_a_ledger_frame_is_kept():
    row = {"provider": "openrouter", "model": "x", "occurred_at": JUNE, "input_tokens": 1, "output_tokens": 1}
    frame = pl.DataFrame(
        [row | {"price_key": "reported", "cost_pico": 5}, row | {"price_key": None, "cost_pico": None}]
    )
    priced = reprice_frame(frame, PRICER)
    assert priced["cost_pico"].to_list() == [5, None]
    assert priced["unpriced"].to_list() == [None, "unknown_model"]


def test_a_frame_of_nothing():
    frame = pl.DataFrame(schema={"provider": pl.String, "model": pl.String, "occurred_at": pl.Datetime("us", "UTC")})
    assert reprice_frame(frame, PRICER).columns == [
        "provider",
        "model",
        "occurred_at",
        "cost_pico",
        "price_key",
        "unpriced",
    ]
