"""What every test may use."""

from hypothesis import settings

# No test measures time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.plugins.attacks",
    "tests.plugins.browser",
    "tests.plugins.checkout",
    "tests.plugins.citus",
    "tests.plugins.isolation",
    "tests.plugins.objectstore",
    "tests.plugins.prices",
    "tests.plugins.server",
    "tests.plugins.services",
    "tests.plugins.up",
]
