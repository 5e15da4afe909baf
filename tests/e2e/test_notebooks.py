"""The notebooks run as they are, without a network, and show the numbers they should."""

import sys
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
import build  # noqa: E402 (it lies beside the notebooks)

SOURCES = build.sources()
# What the stand-in states, at list prices per million tokens: $0.15, $0.075 and $0.60, and $1, $0.10 and $5.
GPT_4O_MINI = Decimal(346 * 150_000 + 1_024 * 75_000 + 155 * 600_000).scaleb(-12)
CLAUDE_HAIKU = Decimal(320 * 1_000_000 + 2_048 * 100_000 + 280 * 5_000_000).scaleb(-12)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_notebook_is_made_of_its_source(source) -> None:
    made = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    expected = build.read(source)
    say = "the .ipynb is stale: run `python notebooks/build.py`"
    assert [(c.cell_type, c.source) for c in made.cells] == [(c.cell_type, c.source) for c in expected.cells], say
    assert all(cell.outputs for cell in made.cells if cell.cell_type == "code" and "plot_costs" in cell.source), say


def test_quickstart_shows_what_the_calls_cost() -> None:
    notebook = build.read(NOTEBOOKS / "01_quickstart.py")
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            "print(*first[['requests', 'cost_usd', 'input_tokens', 'output_tokens']].iloc[0].tolist())\n"
            "print(receipt.cost_usd)\n"
            "known = tb.events(period='24h', limit=4).dropna(subset='cost_usd')\n"
            "print(known.model.tolist(), known.tag_feature.tolist())\n"
            "print(tb.summary(period='24h', model='my-finetune').cost_usd.isna().item())"
        )
    )
    build.execute(notebook)
    shown = notebook.cells[-1].outputs[0].text.splitlines()
    requests, cost, inputs, outputs = shown[0].split()
    assert (float(requests), float(inputs), float(outputs)) == (3, 2 * 1_370 + 2_368, 2 * 155 + 280)
    assert float(cost) == float(2 * GPT_4O_MINI + CLAUDE_HAIKU)
    assert Decimal(shown[1]) == GPT_4O_MINI
    assert shown[2] == "['gpt-4o-mini', 'claude-haiku-4-5', 'gpt-4o-mini'] ['search', 'chatbot', 'chatbot']"
    assert shown[3] == "True"


def test_quickstart_draws_pictures() -> None:
    made = nbformat.read(NOTEBOOKS / "01_quickstart.ipynb", as_version=4)
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert not [output for output in outputs if output.output_type == "error"]
