"""The script that ``panel serve`` runs for every visitor."""

from tokenbudget_panel.page import page

page().servable()
