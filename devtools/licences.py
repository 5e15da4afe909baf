"""Whether we may ship and use what we depend on: ``python -m devtools.licences``, by the Python of `.venv`.

Licences are read from the metadata of what is installed, and from the web's lock file. Those that are allowed ask for
no more than that their text and the names in it come along; weak copyleft is used as it is, unmodified and replaceable.
Whatever else comes in has to be looked at by a person first, who then adds it here.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

from devtools.processes import ROOT

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

ALLOWED = {
    *("0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT"),
    *("MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
    *("LGPL-3.0-only", "MPL-2.0"),  # Weak copyleft.
    *("CC-BY-4.0", "OFL-1.1"),  # Of colour tables and of fonts.
}
"""By their names in SPDX."""
_CALLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What else they are called in metadata."""
_READ_BY_HAND = {"mistralai": "Apache-2.0"}
"""Packages whose metadata says nothing, and the text that they bring along does."""


def permits(expression: str) -> bool:
    """Whether a licence expression allows what we do.

    Examples
    --------
    >>> permits("(GPL-3.0-only OR MIT) AND 0BSD"), permits("MIT AND GPL-3.0-only"), permits("")
    (True, False, False)
    """
    while inner := re.search(r"\(([^()]*)\)", expression):
        verdict = "0BSD" if permits(inner[1]) else "refused"
        expression = f"{expression[: inner.start()]}{verdict}{expression[inner.end() :]}"
    plain = re.sub(r" WITH \S+", "", expression)
    return any(all(name.strip() in ALLOWED for name in each.split(" AND ")) for each in plain.split(" OR "))


def refused() -> Iterator[str]:
    """Say which packages have a licence that is not allowed, or none that shows."""
    for name, licence in (*_python(), *_web()):
        if not permits(licence):
            yield f"{name}: {licence or 'no licence is given'}"


def _python() -> Iterator[tuple[str, str]]:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name = re.split(r"[=\s]", line, maxsplit=1)[0]
        try:
            yield name, _READ_BY_HAND.get(name) or _expression(metadata(name))
        except PackageNotFoundError:
            continue  # It is of another system or version of Python.


def _expression(about: "PackageMetadata") -> str:
    if expression := _first(about, "License-Expression"):
        return expression
    kinds = [kind.rpartition(" :: ")[2] for kind in about.get_all("Classifier", []) if kind.startswith("License ::")]
    if named := [_CALLED[kind] for kind in kinds if kind in _CALLED]:
        return " OR ".join(named)
    text = _first(about, "License").strip().partition("\n")[0]
    return _CALLED.get(text, text)


def _first(about: "PackageMetadata", field: str) -> str:
    return str(next(iter(about.get_all(field, [])), ""))


def _web() -> Iterator[tuple[str, str]]:
    lock = ROOT / "web" / "package-lock.json"
    packages = json.loads(lock.read_bytes())["packages"] if lock.exists() else {}
    for path, package in packages.items():
        if "node_modules/" in path and not package.get("link"):
            yield path.rpartition("node_modules/")[2], str(package.get("license", ""))


def main() -> int:
    """Print what is refused; return the exit code."""
    found = list(refused())
    for each in found:
        print(each)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
