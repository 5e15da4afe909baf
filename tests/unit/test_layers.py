"""Every import contract of pyproject.toml holds, and every one of them can fail."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = "Imports inside the library point downwards"
CAPTURE = "Imports inside capture point downwards"
INSTRUMENT = "Imports inside the instruments of capture point downwards"
JOURNAL = "Imports inside the journal point downwards"
PRICING = "Imports inside pricing point downwards"
RECORDER = "capture hands events to the recorder and to nothing else"
CORE = "core imports no third-party package but msgspec"
LIBRARY = "The library never imports the server or the Panel"
PANEL = "The Panel never imports the server"
READER = "The Panel asks questions and records nothing"
SERVER = "Imports inside the server point downwards"
SCOPE = "What lies under scopes and the audit log does not know them"
FEATURES = "Features know only the services of one another"
APPLICATION = "The application knows no handler by name"
INSIDE = [CAPTURE, INSTRUMENT, JOURNAL, PRICING]
CONTRACTS = [LAYERS, *INSIDE, RECORDER, CORE, LIBRARY, PANEL, READER, SERVER, SCOPE, FEATURES, APPLICATION]
PLACES = [ROOT, ROOT / "server", ROOT / "apps" / "panel_dashboard"]
# What the contracts are exhaustive of: every child of these is a layer.
CONTAINERS = [
    *("tokenbudget", "tokenbudget/capture", "tokenbudget/capture/instrument", "tokenbudget/journal"),
    *("tokenbudget/pricing", "tokenbudget_server"),
]
# Which some contracts name.
MODULES = [
    *(f"tokenbudget_server/accounts/{name}.py" for name in ("principal", "routes", "service")),
    *("tokenbudget_server/health/routes.py", "tokenbudget_server/db/tables.py"),
    *("tokenbudget_server/web/audit.py", "tokenbudget_server/web/scope.py", "tokenbudget/__main__.py"),
    "tokenbudget_server/web/authorization.py",
]


def lint_imports(folder: Path) -> list[str]:
    """Return the names of the broken contracts of the packages in a folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", "pyproject.toml"]
    places = (folder, folder / "server", folder / "apps" / "panel_dashboard")
    # Before the packages that are installed in place.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    broken = [name for name in CONTRACTS if f"{name} BROKEN" in result.stdout]
    kept = [name for name in CONTRACTS if f"{name} KEPT" in result.stdout]
    assert set(broken) | set(kept) == set(CONTRACTS), result.stdout + result.stderr
    assert result.returncode == bool(broken)
    return broken


@pytest.fixture
def skeleton(tmp_path):
    """Return a folder with our packages, all empty, under our contracts."""
    for place, name in itertools.product(PLACES, CONTAINERS):
        for child in (place / name).glob("[!_]*"):
            at = tmp_path / child.relative_to(place)
            if (child / "__init__.py").exists():
                at.mkdir(parents=True, exist_ok=True)
            elif child.suffix == ".py":
                at.parent.mkdir(parents=True, exist_ok=True)
                at.touch()
    (tmp_path / "tokenbudget_panel").mkdir()
    for module in MODULES:
        (tmp_path / module).touch()
    for package in {at.parent if at.is_file() else at for at in tmp_path.rglob("*")}:
        (package / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "devtools", tmp_path / "devtools")
    return tmp_path


def test_this_repository_keeps_every_contract():
    assert lint_imports(ROOT) == []


def test_empty_packages_keep_every_contract(skeleton):
    assert lint_imports(skeleton) == []


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("tokenbudget/core/x.py", "import tokenbudget.pricing", LAYERS),
        ("tokenbudget/core/x.py", "import tokenbudget.cli", LAYERS),
        ("tokenbudget/journal/files.py", "import tokenbudget.analytics", LAYERS),
        ("tokenbudget/capture/usage/x.py", "def f():\n    import tokenbudget.client", LAYERS),
        ("tokenbudget/analytics/x.py", "from tokenbudget import plotting", LAYERS),
        ("tokenbudget/client/x.py", "import tokenbudget.cli", LAYERS),
        ("tokenbudget/core/x.py", "import tokenbudget.config", LAYERS),
        ("tokenbudget/config.py", "import tokenbudget.diagnostics", LAYERS),
        ("tokenbudget/diagnostics/x.py", "import tokenbudget.journal", LAYERS),
        ("tokenbudget/journal/status.py", "import tokenbudget.transport", LAYERS),
        ("tokenbudget/pricing/book/x.py", "import tokenbudget.journal", LAYERS),
        ("tokenbudget/journal/writing/x.py", "def f():\n    import tokenbudget.pricing", LAYERS),
        ("tokenbudget/recording/x.py", "import tokenbudget.capture", LAYERS),
        ("tokenbudget/plotting/x.py", "import tokenbudget.health_report", LAYERS),
        ("tokenbudget/notebook/x.py", "import tokenbudget.cli", LAYERS),
        ("tokenbudget/notebook/x.py", "import tokenbudget.imports", LAYERS),
        ("tokenbudget/imports/x.py", "def f():\n    import tokenbudget.cli", LAYERS),
        ("tokenbudget/unheard_of.py", "", LAYERS),
        ("tokenbudget/unheard_of/__init__.py", "", LAYERS),
        ("tokenbudget/capture/instrument/wrappers.py", "import tokenbudget.capture.providers", CAPTURE),
        ("tokenbudget/capture/providers/x.py", "def f():\n    import tokenbudget.capture.adapters", CAPTURE),
        ("tokenbudget/capture/usage/x.py", "import tokenbudget.capture.registry", CAPTURE),
        ("tokenbudget/capture/tagging.py", "import tokenbudget.capture.seen_ids", CAPTURE),
        ("tokenbudget/capture/unheard_of.py", "", CAPTURE),
        ("tokenbudget/capture/instrument/responses/x.py", "import tokenbudget.capture.instrument.clients", INSTRUMENT),
        ("tokenbudget/capture/instrument/unheard_of.py", "", INSTRUMENT),
        ("tokenbudget/journal/segments/x.py", "def f():\n    import tokenbudget.journal.writing", JOURNAL),
        ("tokenbudget/journal/unheard_of.py", "", JOURNAL),
        ("tokenbudget/pricing/book/x.py", "import tokenbudget.pricing.engine", PRICING),
        ("tokenbudget/pricing/engine/x.py", "import tokenbudget.pricing.default_pricer", PRICING),
        ("tokenbudget/pricing/unheard_of.py", "", PRICING),
        ("tokenbudget/capture/providers/x.py", "import tokenbudget.journal", RECORDER),
        ("tokenbudget/capture/call.py", "def f():\n    import tokenbudget.pricing", RECORDER),
        ("tokenbudget/core/x.py", "import polars", CORE),
        ("tokenbudget/core/x.py", "def f():\n    from httpx import Client", CORE),
        ("tokenbudget/client/x.py", "import tokenbudget_server", LIBRARY),
        ("tokenbudget/notebook/x.py", "def f():\n    import tokenbudget_panel", LIBRARY),
        ("tokenbudget_panel/x.py", "import tokenbudget_server", PANEL),
        ("tokenbudget_panel/x.py", "import tokenbudget.capture", READER),
        ("tokenbudget_panel/x.py", "def f():\n    from tokenbudget.journal import x", READER),
        ("tokenbudget_server/web/x.py", "import tokenbudget_server.store", SERVER),
        ("tokenbudget_server/store/x.py", "import tokenbudget_server.jobs", SERVER),
        ("tokenbudget_server/jobs/x.py", "def f():\n    import tokenbudget_server.pricing", SERVER),
        ("tokenbudget_server/cache/x.py", "import tokenbudget_server.accounts", SERVER),
        ("tokenbudget_server/analytics/x.py", "import tokenbudget_server.app", SERVER),
        ("tokenbudget_server/unheard_of.py", "", SERVER),
        ("tokenbudget_server/web/problems.py", "import tokenbudget_server.db.tables", SERVER),
        ("tokenbudget_server/web/scope.py", "import tokenbudget_server.accounts.service", SERVER),
        ("tokenbudget_server/store/x.py", "import tokenbudget_server.web.scope", SCOPE),
        ("tokenbudget_server/store/x.py", "def f():\n    import tokenbudget_server.web.audit", SCOPE),
        ("tokenbudget_server/analytics/x.py", "import tokenbudget_server.accounts.routes", FEATURES),
        ("tokenbudget_server/ingest/x.py", "def f():\n    import tokenbudget_server.health", FEATURES),
        ("tokenbudget_server/app.py", "from tokenbudget_server.accounts import routes", APPLICATION),
        ("tokenbudget_server/app.py", "import tokenbudget_server.health.routes", APPLICATION),
    ],
)
def test_a_violation_breaks_its_contract_and_no_other(skeleton, module, statement, contract):
    (skeleton / module).parent.mkdir(exist_ok=True)
    (skeleton / module).write_text(statement)
    assert lint_imports(skeleton) == [contract]


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("tokenbudget/core/x.py", "import decimal, msgspec, zoneinfo\nfrom tokenbudget.core import y"),
        ("tokenbudget/analytics/x.py", "import polars\nimport tokenbudget.ledger"),
        ("tokenbudget/transport/x.py", "import tokenbudget.journal"),
        ("tokenbudget_server/demo/x.py", "import tokenbudget.analytics, tokenbudget_server.accounts"),
        ("tokenbudget_server/analytics/x.py", "import tokenbudget_server.ledger, tokenbudget_server.web"),
        ("tokenbudget_server/app.py", "import tokenbudget_server.accounts.service"),
        ("tokenbudget_server/web/audit.py", "import tokenbudget_server.db.tables, tokenbudget_server.web.scope"),
        ("tokenbudget_server/web/scope.py", "import tokenbudget_server.accounts.principal"),
        ("tokenbudget/capture/providers/x.py", "import tokenbudget.capture.instrument, tokenbudget.recording"),
        ("tokenbudget/pricing/engine/x.py", "import tokenbudget.pricing.book, tokenbudget.config"),
        ("tokenbudget/cli/x.py", "import tokenbudget.health_report, tokenbudget.transport, tokenbudget.diagnostics"),
        ("tokenbudget/cli/x.py", "import tokenbudget.imports"),
        ("tokenbudget_panel/x.py", "import tokenbudget.plotting, tokenbudget.notebook, tokenbudget.config"),
    ],
)
def test_what_the_layers_allow_breaks_nothing(skeleton, module, statement):
    (skeleton / "tokenbudget" / "core" / "y.py").touch()
    (skeleton / module).write_text(statement)
    assert lint_imports(skeleton) == []
