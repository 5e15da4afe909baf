"""Build `web/` into the wheel, so that installing it does not need Node.js."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildWeb(BuildHookInterface[BuilderConfig]):
    """Run the web build before the files of a wheel or source distribution are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or say that this distribution comes without the React dashboard."""
        del build_data  # [tool.hatch.build] artifacts names the output.
        root = Path(self.root)
        web, built = root / "web", root / "server" / "tokenbudget_server" / "static" / "index.html"
        unpacked_sdist = (root / "PKG-INFO").exists() and built.exists()
        if version == "editable" or not (web / "package.json").exists() or unpacked_sdist:
            return
        if npm := shutil.which("npm"):
            for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
                subprocess.run([npm, *command], cwd=web, check=True)
        elif not built.exists():
            self.app.display_warning("No Node.js found: building without the React dashboard.")
