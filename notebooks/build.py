"""Execute the notebooks and keep them with their output: ``python notebooks/build.py``.

The ``.py`` files are the source: they are read and compared well.  The ``.ipynb`` files are made of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def sources() -> list[Path]:
    """Return the notebooks' sources."""
    return sorted(HERE.glob("[0-9]*.py"))


def read(source: Path) -> nbformat.NotebookNode:
    """Read a source as a notebook without output."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"  # The same every time, so that only changes show as changes.
    return notebook


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run every cell in a fresh kernel."""
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(HERE)}}, record_timing=False)
    return client.execute()


def placeless(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take the paths of the kernel's temporary files out of the output: they differ on every machine."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = re.sub(r"\S*ipykernel_\d+/\d+\.py", "notebook", output.text)
    return notebook


def main() -> None:
    """Build every notebook."""
    for source in sources():
        target = source.with_suffix(".ipynb")
        nbformat.write(placeless(execute(read(source))), target)
        print(f"{target.name} built")


if __name__ == "__main__":
    main()
