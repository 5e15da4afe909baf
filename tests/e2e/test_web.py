"""The React dashboard in a real browser, on a real server with a real Postgres."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest

from tokenbudget.core.event import Event, EventBatch
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage

# One server serves all of them, also where tests are spread over processes.
pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.xdist_group("server")]

# provider, model, calls, usage; the last one is in no price book.
CALLS = [
    ("openai", "gpt-4o-mini", 7, Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=250)),
    ("anthropic", "claude-sonnet-4-5", 3, Usage(input_tokens=1234, output_tokens=567)),
    ("openai", "text-embedding-3-small", 1, Usage(input_tokens=17, output_tokens=0)),
    ("openai", "a-model-without-a-price", 2, Usage(input_tokens=10, output_tokens=10)),
]


class Dashboard:
    """The dashboard of a project of its own."""

    def __init__(self, project) -> None:
        self.url = project.url
        self.name = project.name
        self.key = project.key
        self.code = project.code
        self._headers = project.headers
        self._database = project.database

    def send(self, events: list[Event]) -> None:
        body = gzip.compress(msgspec.json.encode(EventBatch(events=events)))
        headers = self._headers | {"Content-Encoding": "gzip"}
        answer = httpx.post(f"{self.url}/v1/events/batch", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] == len(events)

    def sql(self, columns: str) -> tuple:
        statement = f"SELECT {columns} FROM events JOIN projects ON projects.id = project_id WHERE projects.name = %s"
        with psycopg.connect(self._database) as connection:
            return connection.execute(statement, [self.name]).fetchone()


@pytest.fixture
def project(running_server):
    from tokenbudget_server.web.static_site import STATIC

    if not Path(STATIC, "index.html").exists():
        pytest.skip("the web dashboard is not built: cd web && npm ci && npm run build")
    return Dashboard(running_server(f"churn-{uuid7()[-6:]}"))


@pytest.fixture
def page(open_page):
    return open_page("about:blank", may_fail=True, viewport={"width": 1280, "height": 900}, timezone_id="Asia/Kolkata")


def events(now: datetime) -> list[Event]:
    return [
        Event(id=uuid7(), occurred_at=now, provider=provider, model=model, usage=usage, latency_ms=420.0)
        for provider, model, calls, usage in CALLS
        for _ in range(calls)
    ]


def open_overview(page, project, **query):
    parameters = httpx.QueryParams({"tz": "UTC", "project": project.name, **query})
    page.goto(f"{project.url}/?{parameters}#code={project.code()}")
    return page.get_by_role("region", name="Key figures")


def figure(region, name: str):
    return region.locator("div", has=region.page.get_by_text(name, exact=True)).locator("dd").first


def test_the_page_shows_what_the_database_holds(page, project):
    project.send(events(datetime.now(UTC) - timedelta(minutes=1)))
    figures = open_overview(page, project)
    spend = figure(figures, "Spend").locator("data").first
    cost, requests, unpriced = project.sql("sum(cost_usd), count(*), count(*) - count(cost_usd)")
    assert Decimal(spend.get_attribute("value")) == cost
    assert figure(figures, "Requests").inner_text().startswith(str(requests))
    assert (requests, unpriced) == (13, 2)
    assert figures.get_by_role("button", name="2 unpriced").is_visible()

    rows = page.get_by_role("region", name="Table of models").locator("tbody tr")
    rows.nth(3).wait_for()
    shown = {row.get_by_role("rowheader").inner_text().split("\n")[0]: row for row in rows.all()}
    assert set(shown) == {model for _, model, _, _ in CALLS}
    assert shown["a-model-without-a-price"].locator("td").first.inner_text() == "unknown"
    costs = [Decimal(row.locator("td data").first.get_attribute("value")) for row in rows.all()[:3]]
    assert sum(costs) == cost
    assert costs == sorted(costs, reverse=True)
    assert page.get_by_label("Project").input_value() == project.name


def test_the_code_leaves_the_address_and_the_session_survives_a_reload(page, project):
    project.send(events(datetime.now(UTC) - timedelta(minutes=1)))
    open_overview(page, project, period="7d").wait_for()
    assert page.url == f"{project.url}/?tz=UTC&project={project.name}&period=7d"
    page.reload()
    page.get_by_role("region", name="Key figures").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()
    page.reload()
    assert page.get_by_label("API key").is_visible()


def test_a_key_that_is_not_known_is_refused_with_a_reason(page, project):
    page.goto(f"{project.url}/?project={project.name}#code=used")
    page.get_by_text("this link was used already").wait_for()
    page.get_by_label("API key").fill(f"tb_ak_{'1' * 32}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("does not know this key").wait_for()
    page.get_by_label("API key").fill(project.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Nothing was spent in this period").wait_for()


def test_an_empty_project_says_how_to_begin_and_fills_by_itself(page, project):
    open_overview(page, project)
    page.get_by_text(f'tb.configure(url="{project.url}"').wait_for()
    project.send(events(datetime.now(UTC) - timedelta(minutes=1)))
    page.get_by_role("region", name="Key figures").wait_for()  # Without a reload.


def test_the_chart_is_read_by_pointer_and_keyboard_in_the_zone_of_the_reader(page, project):
    # 19:30 UTC is already the next day in Kolkata.
    evening = datetime.now(UTC).replace(hour=19, minute=30) - timedelta(days=3)
    project.send(events(evening))
    open_overview(page, project, tz="", period="7d")
    chart = page.get_by_role("group", name="Spend over time by model")
    chart.wait_for()
    tomorrow = evening + timedelta(days=1)
    next_day = f"{tomorrow.day} {tomorrow:%b}"
    chart.focus()
    page.keyboard.press("End")
    for _ in range(7):
        if re.search(rf"\b{next_day}.*claude-sonnet-4-5 \$", chart.locator("p.sr-only").inner_text()):
            break
        page.keyboard.press("ArrowLeft")
    else:
        pytest.fail(f"no bar of {next_day} with claude-sonnet-4-5")
    page.get_by_role("radio", name="Table", exact=True).check(force=True)
    table = page.get_by_role("region", name="Spend over time as a table")
    assert table.locator("tbody tr").count() == 7


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(page, project, width, scheme):
    project.send(events(datetime.now(UTC) - timedelta(minutes=1)))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    open_overview(page, project).wait_for()
    page.get_by_role("group", name="Spend over time by model").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_server_that_went_away_is_said_and_the_numbers_stay(page, project):
    project.send(events(datetime.now(UTC) - timedelta(minutes=1)))
    figures = open_overview(page, project)
    figures.wait_for()
    page.route("**/api/analytics/**", lambda route: route.fulfill(status=503, body="{}"))
    page.get_by_text("These numbers are from").wait_for()
    assert figures.is_visible()
    page.unroute("**/api/analytics/**")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("These numbers are from").wait_for(state="detached")
