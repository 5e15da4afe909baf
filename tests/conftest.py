"""What every test may use."""

pytest_plugins = [
    "tests.plugins.browser",
    "tests.plugins.citus",
    "tests.plugins.isolation",
    "tests.plugins.objectstore",
    "tests.plugins.prices",
    "tests.plugins.server",
    "tests.plugins.services",
]
