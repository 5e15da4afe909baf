import pytest

from tokenbudget.core.errors import PeriodError, QueryError
from tokenbudget_panel.page_state import PERIODS, View, zones

DEFAULT = View(tz="Europe/Berlin")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (View("7d", "feature", "Asia/Kolkata"), View("7d", "feature", "Asia/Kolkata")),
        (View("2026-10", "provider", "UTC"), View("2026-10", "provider", "UTC")),
        (View("soon", "feature", "UTC"), View("30d", "feature", "UTC")),
        (View("7d", "no such!", "UTC"), View("7d", "model", "UTC")),
        (View("7d", "feature", "Mars/Olympus"), View("7d", "feature", "Europe/Berlin")),
        (View("", "", ""), DEFAULT),
    ],
)
def test_what_is_understood_of_an_address_is_kept(asked, kept):
    assert asked.or_default(DEFAULT) == kept


@pytest.mark.parametrize(("view", "error"), [(View("soon"), PeriodError), (View(by="a b"), QueryError)])
def test_a_view_that_is_not_understood_is_refused(view, error):
    with pytest.raises(error):
        view.query()


def test_every_period_and_zone_offered_is_understood():
    assert [View(period).query().period.name for period in PERIODS.values()] == list(PERIODS.values())
    assert all(View(tz=zone).query().period.tz == zone for zone in zones())
    assert {"UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"} <= set(zones())
