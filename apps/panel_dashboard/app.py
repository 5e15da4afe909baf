# ruff: noqa: INP001 - a script, which `panel serve` is given by its path
"""The dashboard as a script: ``panel serve apps/panel_dashboard/app.py``."""

from tokenbudget_panel.answers import desk
from tokenbudget_panel.page import page

page(desk).servable()
