"""What every test may use."""

pytest_plugins = ["tests.plugins.isolation", "tests.plugins.services"]
