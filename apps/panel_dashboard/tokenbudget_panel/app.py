"""The script that is run for every visitor."""

from tokenbudget_panel.page import page
from tokenbudget_panel.serving import desk_of_visitor

page(desk_of_visitor()).servable()
