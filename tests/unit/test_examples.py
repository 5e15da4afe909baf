"""The examples in docstrings run, and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import tokenbudget
import tokenbudget_server
from tokenbudget import config
from tokenbudget.recording import recorder

MODULES = [
    module.name
    for package in (tokenbudget, tokenbudget_server)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if ".migrations" not in module.name and not module.name.endswith("__main__") and "litellm" not in module.name
]


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path, monkeypatch):
    """Let an example see no calls but its own, whatever ran in this process before."""
    recorder.shutdown(0)
    monkeypatch.setenv("TOKENBUDGET_HOME", str(tmp_path))
    config.reset()
    yield
    recorder.shutdown(0)
    monkeypatch.undo()
    config.reset()


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, capsys):
    module = importlib.import_module(name)
    ran = doctest.testmod(module)
    assert ran.failed == 0, capsys.readouterr().out
