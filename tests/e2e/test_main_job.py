"""Real clients, wrapped, through a real server on a real Postgres, to a DataFrame that is right to the last digit."""

from decimal import Decimal

import anthropic
import openai
import psycopg
import pytest

import tokenbudget as tb
from tests.e2e import provider
from tokenbudget import config

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("server")]

CALLS = 3
# gpt-4o-mini: 600 at $0.15, 400 cached at $0.075, 200 out at $0.60 a million.
OPENAI_COST = Decimal("0.00024")
# claude-sonnet-4-5: 10 at $3, 2000 cached at $0.30, 100 written for 5 minutes at $3.75 and 200 for an hour at $6,
# 90 out at $15 a million.
ANTHROPIC_COST = Decimal("0.003555")
COST = {"gpt-4o-mini-2024-07-18": OPENAI_COST, "claude-sonnet-4-5-20250929": ANTHROPIC_COST}
INPUT = {"gpt-4o-mini-2024-07-18": 1000, "claude-sonnet-4-5-20250929": 2310}


def dollars(number: float) -> Decimal:
    return Decimal(repr(float(number)))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")
    yield tmp_path
    tb.shutdown()
    config.reset()


def call_both_providers():
    with provider.serve() as url:
        gpt = tb.wrap(openai.OpenAI(api_key="unused", base_url=f"{url}/v1"))
        claude = tb.wrap(anthropic.Anthropic(api_key="unused", base_url=url))
        question = [{"role": "user", "content": "How much is the fish?"}]
        for number in range(CALLS):
            with tb.tags(feature="chatbot", user_id=f"u{number}"):
                gpt.chat.completions.create(model="gpt-4o-mini", messages=question)
                claude.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=question)


def check_answers():
    summary = tb.summary(period="1d").iloc[0]
    assert summary["requests"] == 2 * CALLS
    assert dollars(summary["cost_usd"]) == CALLS * (OPENAI_COST + ANTHROPIC_COST)
    assert summary["input_tokens"] == CALLS * 3310
    assert summary["output_tokens"] == CALLS * 290
    assert summary["cache_read_tokens"] == CALLS * 2400
    assert summary["unpriced"] == 0
    by_model = tb.by("model", period="1d").set_index("model")
    assert {model: dollars(cost) for model, cost in by_model["cost_usd"].items()} == {
        model: CALLS * cost for model, cost in COST.items()
    }
    events = tb.events(period="1d")
    assert sorted(
        zip(events["model"], map(dollars, events["cost_usd"]), events["input_tokens"], strict=True)
    ) == sorted(CALLS * [(model, cost, INPUT[model]) for model, cost in COST.items()])
    assert set(events["tag_feature"]) == {"chatbot"}
    assert set(tb.by("user_id", period="1d")["user_id"]) == {"u0", "u1", "u2"}
    assert dollars(tb.timeseries(period="1d")["cost_usd"].max()) <= CALLS * sum(COST.values())


def test_without_a_server_the_journal_answers(home):
    tb.configure(home=home, url="")
    call_both_providers()
    check_answers()


def test_with_a_server_it_answers_the_same_and_so_does_sql(home, running_server):
    server = running_server("main job")
    tb.configure(home=home, url=server.url, api_key=server.key)
    call_both_providers()
    assert tb.flush(timeout=30)
    check_answers()
    with psycopg.connect(server.database) as connection:
        rows = connection.execute(
            "SELECT model, count(*), sum(cost_usd), sum(client_cost_usd), sum(input_tokens) FROM events"
            " JOIN projects ON projects.id = project_id WHERE projects.name = 'main job' GROUP BY model"
        ).fetchall()
    assert {row[0]: row[1:] for row in rows} == {
        model: (CALLS, CALLS * cost, CALLS * cost, CALLS * INPUT[model]) for model, cost in COST.items()
    }
