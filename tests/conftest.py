"""What every test may use."""

pytest_plugins = ["tests.plugins.isolation", "tests.plugins.server", "tests.plugins.services"]
