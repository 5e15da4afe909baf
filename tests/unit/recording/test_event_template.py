"""Events rendered by a template equal the events that are built in full."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pricing.test_invariants import MODELS, PRICER, TIERS, counts, parts, tidy_events
from tokenbudget import config
from tokenbudget.capture.usage.builder import usage_of
from tokenbudget.core.event import Event, decode
from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.pricing import default_pricer
from tokenbudget.recording.event_template import EventTemplates

NOW = datetime.now(UTC)
PLAIN = {"input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 600, "reasoning_tokens": 40}


@pytest.fixture(scope="module", autouse=True)
def pinned_prices(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "in_force", config.resolve(home=home, project="demo"))
        patch.setattr(default_pricer, "in_force", (config.in_force, PRICER))
        yield


def kind_of(provider="openai", model="gpt-4o", service_tier=None, speed=None, region=None):
    return (provider, "chat", model, "asked", service_tier, speed, region)


def written(kind, found, **own):
    template = EventTemplates().find(kind)
    record = (
        None if template is None else template.render(found, {"id": "x", "occurred_at": NOW, "latency_ms": 1.5, **own})
    )
    return None if record is None else decode(record)


def careful(kind, found, **own):
    provider, operation, model, requested_model, service_tier, speed, region = kind
    usage, warnings = usage_of(found)
    return PRICER.priced(
        Event(
            id="x",
            occurred_at=NOW,
            provider=provider,
            model=model,
            operation=operation,
            requested_model=requested_model,
            service_tier=service_tier,
            speed=speed,
            region=region,
            usage=usage,
            warnings=warnings,
            latency_ms=1.5,
            project="demo",
            **own,
        )
    )


kinds = st.builds(
    lambda of, tier, speed, region: kind_of(*of, tier, speed, region),
    st.sampled_from(MODELS),
    st.sampled_from(TIERS),
    st.sampled_from([None, None, "standard", "fast"]),
    st.sampled_from([None, "eu", "global"]),
)


@st.composite
def any_counts(draw):
    """Counts as a provider may state them: consistent or not."""
    stated = {name: draw(parts) for name in draw(st.sets(st.sampled_from(TOKEN_FIELDS), max_size=6))}
    found = stated | {"input_tokens": draw(counts), "output_tokens": draw(counts), "total_tokens": 7}
    odd = draw(
        st.sampled_from([{}, {}, {}, {"reasoning_tokens": -1}, {"tools": {"web_search": 1}}, {"output_tokens": 1.0}])
    )
    return found | odd


@given(kinds, any_counts())
@settings(max_examples=400)
def test_a_template_renders_the_event_or_nothing(kind, found):
    event = written(kind, found)
    assert event is None or event == careful(kind, found)


@given(tidy_events())
@settings(max_examples=300)
def test_plain_calls_cost_the_same(event):
    found = {name: getattr(event.usage, name) for name in TOKEN_FIELDS}
    kind = kind_of(event.provider, event.model, event.service_tier)
    quick = written(kind, found)
    assert quick is None or quick == careful(kind, found)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o"), ("openai", "gpt-5"), ("google", "gemini-2.5-pro"), ("openai", "unknown")],
)
def test_a_plain_call_has_a_template(provider, model):
    kind = kind_of(provider, model)
    own = {"tags": {"feature": "chat"}, "attempts": 2, "response_id": "r-1", "time_to_first_token_ms": 2.0}
    event = written(kind, PLAIN, **own)
    assert event == careful(kind, PLAIN, **own)
    assert (event.cost_usd is None) == (model == "unknown")


def test_cache_writes_by_lifetime_have_a_template():
    kind = kind_of("anthropic", "claude-sonnet-4-5")
    found = PLAIN | {"cache_write_tokens": 90, "cache_write_5m_tokens": 60, "cache_write_1h_tokens": 30}
    assert written(kind, found) == careful(kind, found)


@pytest.mark.parametrize(
    "found",
    [
        PLAIN | {"cache_read_tokens": 1001},
        PLAIN | {"reasoning_tokens": 101},
        PLAIN | {"cache_write_tokens": 10, "cache_write_5m_tokens": 11},
        PLAIN | {"output_tokens": -1},
        PLAIN | {"output_tokens": True},
        PLAIN | {"tools": {"web_search": 1}},
        PLAIN | {"reported_cost_usd": 0},
        PLAIN | {"cache_read_audio_tokens": 1},
        {"input_tokens": 1000},
        {"output_tokens": 1000},
    ],
)
def test_other_calls_are_not_rendered(found):
    assert written(kind_of(), found) is None


@pytest.mark.parametrize("kind", [kind_of("deepseek", "deepseek-v4"), kind_of(model=["odd"]), kind_of(model=7)])
def test_kinds_without_a_template(kind):
    assert written(kind, PLAIN) is None


def test_a_larger_context_is_priced_apart():
    kind = kind_of("google", "gemini-2.5-pro")
    assert written(kind, PLAIN | {"input_tokens": 200_000}) is not None
    assert written(kind, PLAIN | {"input_tokens": 200_001}) is None


def test_the_number_of_templates_is_bounded(monkeypatch):
    monkeypatch.setattr("tokenbudget.recording.event_template._MOST_KINDS", 3)
    templates = EventTemplates()
    for number in range(10):
        templates.find(kind_of(model=f"m{number}"))
    assert len(templates._state.known) <= 3
