"""The Panel dashboard, served as users serve it, in a real browser."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import tokenbudget as tb
from tests.plugins.ports import free_port
from tests.unit.panel.usage import FEATURES, record
from tokenbudget import config
from tokenbudget.core.event import Event
from tokenbudget.core.formatting import short_dollars
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.recording import recorder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::tokenbudget.notebook.UnpricedWarning"),
]

WIDTHS = {"wide": 1440, "narrow": 400}
METRICS = ("cost_usd", "requests", "total_tokens", "cache_hit_rate", "error_rate")


@contextmanager
def recording_in(home):
    config.configure(home=home)
    try:
        yield
    finally:
        recorder.shutdown()
        config.reset()


@pytest.fixture
def look(open_page):
    """Open a page of the dashboard, wide or narrow."""

    def opened(url, width="wide"):
        return open_page(url, viewport={"width": WIDTHS[width], "height": 1000})

    return opened


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    where = tmp_path_factory.mktemp("panel")
    with recording_in(where):
        record(2_000)
    return where


@pytest.fixture(scope="module")
def served(home, panel_of):
    with panel_of(home) as url:
        yield url


def tile(page, name):
    return page.locator(f'[data-tile="{name}"] .value')


def shown(page):
    """Read the tiles' exact figures."""
    spend = tile(page, "Spend").get_attribute("title").removeprefix("$").replace(",", "")
    requests = tile(page, "Requests").get_attribute("title").split()[0]
    tokens, hits, errors = (
        numbers(tile(page, name).get_attribute("title")) for name in ("Tokens", "Cache hit rate", "Error rate")
    )
    return {
        "cost_usd": float(Decimal(spend)),
        "requests": int(requests.replace(",", "")),
        "total_tokens": sum(tokens),
        "cache_hit_rate": hits[0] / hits[1],
        "error_rate": errors[0] / errors[1],
    }


def numbers(words):
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", words)]


def summed_up(home, period, **filters):
    with recording_in(home):
        answer = tb.summary(period, backend="polars", **filters).row(0, named=True)
    return {name: answer[name] for name in METRICS}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_shows_the_numbers_of_tb_summary(look, served, home, width):
    before = summed_up(home, "30d")
    page = look(served, width)
    page.wait_for_selector('[data-tile="Spend"]')
    found = shown(page)
    assert found in (before, summed_up(home, "30d"))  # Midnight may pass while the page is read.
    assert tile(page, "Spend").inner_text() == short_dollars(Decimal(str(found["cost_usd"])))
    assert page.locator(".bk-Figure canvas").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]


def test_another_view_shows_its_numbers_and_is_kept_in_the_address(look, served, home):
    page = look(served)
    page.wait_for_selector('[data-tile="Spend"]')
    page.get_by_role("button", name="90d").click()
    page.get_by_label("Split by").click()
    page.get_by_role("menuitem", name="feature", exact=True).click()
    page.wait_for_url(re.compile("by=feature"))
    page.get_by_role("heading", name="By feature").wait_for()
    with recording_in(home):
        groups = tb.by("feature", "90d", backend="polars")
    names = ["no feature" if name is None else name for name in groups["feature"]]
    rows = page.locator(".tabulator-row")
    rows.nth(len(names) - 1).wait_for()
    assert rows.locator('[tabulator-field="name"]').all_inner_texts() == names  # Markup in a tag stays text.
    assert set(FEATURES) < set(names)
    exact = rows.first.locator('[tabulator-field="cost"] span').get_attribute("title")
    assert float(exact.removeprefix("$").replace(",", "")) == groups["cost_usd"][0]
    page.reload()
    page.get_by_role("heading", name="By feature").wait_for()
    assert shown(page)["requests"] == groups["requests"].sum()


@pytest.mark.parametrize(
    ("address", "period", "remark"),
    [
        ("app?period=2026-01&tz=Asia/Kolkata", "2026-01", "2026-01 · Asia/Kolkata"),
        ("app?period=never&by=a%20b&tz=Mars", "30d", "per day, by model"),
    ],
)
def test_an_address_says_what_is_shown(look, served, address, period, remark):
    page = look(served + address)
    page.get_by_text(remark).wait_for()
    assert page.get_by_role("button", name=period).get_attribute("aria-pressed") == "true"


def test_pointing_at_a_bar_gives_its_exact_numbers(look, served):
    page = look(f"{served}app?period=90d")
    page.wait_for_selector('[data-tile="Spend"]')
    canvas = page.locator(".bk-Figure .bk-events").first
    page.wait_for_timeout(500)  # The figure is laid out twice.
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5)
    tip = page.locator(".tb-tip").first
    tip.wait_for()
    assert re.search(r"\w{3} \d+ \w{3} 20\d\d", tip.inner_text())
    assert re.search(r"Total\s+\$\d+\.\d{2,12}\s+\d+ calls?", tip.inner_text())


def test_the_theme_changes_and_is_kept(look, served):
    page = look(served)
    page.wait_for_selector('[data-tile="Spend"]')
    paper = page.locator('[data-tile="Spend"]')
    light = paper.evaluate("tile => getComputedStyle(tile).backgroundColor")
    page.get_by_label("Toggle theme").click()
    page.wait_for_url(re.compile("theme=dark"))
    dark = paper.evaluate("tile => getComputedStyle(tile).backgroundColor")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 29)")
    page.reload()
    page.wait_for_selector('[data-tile="Spend"]')
    assert paper.evaluate("tile => getComputedStyle(tile).backgroundColor") == dark


def test_a_call_made_meanwhile_appears_by_itself(look, panel_of, tmp_path):
    with panel_of(tmp_path) as url:
        page = look(url)
        page.get_by_role("heading", name="No calls in this period").wait_for()
        assert "client = tb.wrap(OpenAI())" in page.locator(".notice pre").inner_text()
        with recording_in(tmp_path):
            usage = Usage(input_tokens=1, output_tokens=1)
            recorder.record(
                Event(id=uuid7(), occurred_at=datetime.now(UTC), provider="openai", model="gpt-4o-mini", usage=usage)
            )
        page.wait_for_selector('[data-tile="Spend"]')
        assert tile(page, "Spend").inner_text() == "$0.00000075"
        assert page.locator(".tabulator-row").count() == 1


def test_a_server_that_does_not_answer_is_said_and_can_be_tried_again(look, panel_of, tmp_path):
    settings = tmp_path / "config.toml"
    settings.write_text(f'url = "http://127.0.0.1:{free_port()}"\napi_key = "tb_ak_0"\n')
    with panel_of(tmp_path) as url:
        page = look(url, "narrow")
        page.get_by_role("heading", name="The TokenBudget server does not answer").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS["narrow"]
        settings.unlink()
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("heading", name="No calls in this period").wait_for()
        assert not page.get_by_role("button", name="Try again").is_visible()
