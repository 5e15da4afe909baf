"""The notebook, the Panel page, the React page and SQL say the same, to the last digit."""

from decimal import Decimal

import psycopg
import pytest

import tokenbudget as tb
from tests.unit.panel.usage import record
from tokenbudget import config

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::tokenbudget.notebook.UnpricedWarning"),
]
CALLS = 300
PERIOD = "120d"  # All of them.


@pytest.fixture
def shipped(running_server, tmp_path):
    """A project on the server with believable calls, recorded here and shipped; its home is `tmp_path`."""
    project = running_server("same numbers")
    (tmp_path / "config.toml").write_text(f'url = "{project.url}"\napi_key = "{project.key}"\n')
    config.configure(home=tmp_path)
    record(CALLS, flush=True)
    yield project
    tb.shutdown()
    config.reset()


def in_notebook():
    row = tb.summary(PERIOD).iloc[0]
    return Decimal(repr(float(row["cost_usd"]))), int(row["requests"]), int(row["unpriced"])


def in_sql(project):
    with psycopg.connect(project.database) as connection:
        cost, requests, unpriced = connection.execute(
            "SELECT sum(s.cost_usd), sum(s.requests), sum(s.unpriced) FROM spend_day s"
            " JOIN projects p ON p.id = project_id WHERE p.name = %s",
            [project.name],
        ).fetchone()
    return cost.normalize(), int(requests), int(unpriced)


def in_react(open_page, project):
    page = open_page(f"{project.url}/?period={PERIOD}&tz=UTC&project={project.name}#code={project.code()}")
    figures = page.get_by_role("region", name="Key figures")
    spend = figures.locator("data").first.get_attribute("value")
    chip = figures.get_by_role("button", name="unpriced").inner_text()
    requests = figures.locator("div", has=page.get_by_text("Requests", exact=True)).locator("dd").first.inner_text()
    return Decimal(spend).normalize(), int(requests.split()[0].replace(",", "")), int(chip.split()[0])


def in_panel(open_page, url):
    page = open_page(f"{url}app?period={PERIOD}&tz=UTC")
    spend = page.locator('[data-tile="Spend"]')
    spend.wait_for()
    cost = spend.locator(".value").get_attribute("title").removeprefix("$").replace(",", "")
    requests = page.locator('[data-tile="Requests"] .value').get_attribute("title")
    chip = spend.get_by_text("unpriced").inner_text()
    page.close()  # Before its server stops.
    return Decimal(cost).normalize(), int(requests.split()[0]), int("".join(c for c in chip if c.isdigit()))


def test_everyone_says_the_same(shipped, open_page, panel_of, tmp_path):
    expected = in_sql(shipped)
    assert expected[1] == CALLS
    assert expected[2] > 0
    assert in_notebook() == expected
    assert in_react(open_page, shipped) == expected
    with panel_of(tmp_path) as url:
        assert in_panel(open_page, url) == expected
