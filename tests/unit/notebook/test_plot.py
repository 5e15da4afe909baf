from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from matplotlib import pyplot as plt

import tokenbudget as tb
from tokenbudget import config
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal

NOW = datetime.now(UTC)
KINDS = ["bar", "line", "cumulative"]


@pytest.fixture
def journal(tmp_path):
    config.configure(home=tmp_path, url="", tz="UTC")
    kept = Journal(tmp_path)

    def append(model="gpt-4o", cost="1", days=0, **fields):
        cost = None if cost is None else Decimal(cost)
        at = NOW - timedelta(days=days)
        kept.append(
            encode(Event(id=uuid7(), occurred_at=at, provider="openai", model=model, cost_usd=cost, **fields)),
        )

    yield append
    plt.close("all")
    config.reset()


def words(figure) -> str:
    axes = figure.axes[0]
    return "\n".join([axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)])


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_heights_are_the_costs_and_the_title_is_their_sum(journal) -> None:
    journal(cost="1.25", days=1)
    journal(cost="0.75")
    figure = tb.plot_costs("7d")
    assert [bar.get_height() for bar in figure.axes[0].patches][-2:] == [1.25, 0.75]
    assert words(figure).startswith("$2.00\nlast 7 days")
    assert figure.axes[0].get_legend() is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_names_the_groups_from_the_top_down(journal, kind) -> None:
    for model, cost in (("small", "1"), ("large", "5"), ("middle", "3"), ("tiny", "0.5")):
        journal(model=model, cost=cost)
    figure = tb.plot_costs("7d", by="model", limit=2, kind=kind)
    assert legend(figure) == ["other  $1.50", "middle  $3.00", "large  $5.00"]


def test_calls_without_the_tag_are_a_group(journal) -> None:
    journal(tags={"feature": "chat"})
    journal(cost="2")
    assert legend(tb.plot_costs("7d", by="feature")) == ["chat  $1.00", "no feature  $2.00"]


def test_what_the_total_leaves_out_is_said(journal) -> None:
    journal()
    journal(cost=None, unpriced="unknown_model")
    assert "1 of 2 calls have no price" in words(tb.plot_costs("7d"))


def test_where_no_call_has_a_price_the_cost_is_unknown_and_not_zero(journal) -> None:
    journal(cost=None, unpriced="unknown_model")
    assert words(tb.plot_costs("7d")).startswith("Cost unknown")


def test_a_group_without_a_price_costs_unknown(journal) -> None:
    journal(model="priced")
    journal(model="unpriced", cost=None, unpriced="unknown_model")
    assert sorted(legend(tb.plot_costs("7d", by="model"))) == ["priced  $1.00", "unpriced  unknown"]


@pytest.mark.parametrize(("filters", "says"), [({}, "tb.wrap"), ({"feature": "x"}, "leave out filters")])
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_figure_says_what_to_do(journal, filters, says, kind) -> None:
    said = words(tb.plot_costs(kind=kind, **filters))
    assert said.startswith("No calls")
    assert says in said


def test_it_draws_into_axes_that_are_given(journal) -> None:
    journal()
    figure, axes = plt.subplots()
    assert tb.plot_costs("24h", ax=axes) is figure
    assert axes.patches


@pytest.mark.parametrize("wrong", [{"kind": "pie"}, {"backend": "crayon"}])
def test_what_cannot_be_drawn(journal, wrong) -> None:
    with pytest.raises(QueryError, match=r"use 'bar'|use 'matplotlib'"):
        tb.plot_costs(**wrong)


def test_the_page_shines_through(journal) -> None:
    journal()
    figure = tb.plot_costs("7d")
    assert figure.get_facecolor()[3] == figure.axes[0].get_facecolor()[3] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_hvplot_draws_the_same_layers(journal, kind) -> None:
    pytest.importorskip("hvplot")
    for model in ("a", "b"):
        journal(model=model)
    journal(cost=None, unpriced="unknown_model")
    drawn = tb.plot_costs("7d", by="model", backend="hvplot", kind=kind)
    title = drawn.opts.get("plot").kwargs["title"]
    assert title.startswith("$2.00   last 7 days\n1 of 3 calls have no price")


def test_hvplot_says_what_to_do_where_there_is_nothing(journal) -> None:
    pytest.importorskip("hvplot")
    assert "tb.wrap" in tb.plot_costs(by="model", backend="hvplot").data
