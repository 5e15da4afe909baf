"""Colours of all charts: legible on light and dark, and distinct for colour-blind people.

The eight were searched for the largest smallest distance (OKLab) under normal sight, protanopia, deuteranopia and
tritanopia at once, among colours with at least 2:1 contrast to white and 3:1 to near-black.
"""

from __future__ import annotations

from collections.abc import Sequence

COLOURS: tuple[str, ...] = (
    "#4476d4",  # blue
    "#cab23f",  # gold
    "#06745d",  # pine
    "#cd3d93",  # magenta
    "#eb7574",  # coral
    "#9e550f",  # brown
    "#7d9025",  # olive
    "#fa89e9",  # pink
)
OTHER = "#858e9c"
"""The groups that are combined into ``other``."""
NONE = "#bcc2cc"
"""Calls without a value, e.g. without the tag."""
TEXT = "#737b89"
"""Text: contrast of 4:1 on white and on near-black."""
GRID = "#8a93a1"
"""Faint lines."""
UP, DOWN = "#c8503c", "#1d8a6b"
"""Cost rises, cost falls; always used together with an arrow."""


def colours(groups: Sequence[str | None]) -> dict[str | None, str]:
    """Return the colour of each group, the largest group first.

    Examples
    --------
    >>> colours(["chatbot", None, "other"])
    {'chatbot': '#4476d4', None: '#bcc2cc', 'other': '#858e9c'}
    """
    fixed = {"other": OTHER, None: NONE}
    named = [group for group in groups if group not in fixed]
    chosen = {group: COLOURS[i % len(COLOURS)] for i, group in enumerate(named)} | fixed
    return {group: chosen[group] for group in groups}
