"""Queries and figures for notebooks: the functions that ``tokenbudget`` exports."""

from tokenbudget.core.errors import MissingExtraError

try:
    from tokenbudget.notebook.api import by, events, percentiles, summary, timeseries
    from tokenbudget.notebook.coverage import coverage
    from tokenbudget.notebook.missing_calls import MissingCallsWarning
    from tokenbudget.notebook.plot import plot_costs
    from tokenbudget.notebook.reprice import reprice
    from tokenbudget.notebook.unpriced_calls import UnpricedWarning
except ModuleNotFoundError as error:
    if error.name != "polars":
        raise
    msg = "answers need polars, which is not installed: install the 'analytics' or the 'notebook' extra"
    raise MissingExtraError(msg) from error

__all__ = [
    "MissingCallsWarning",
    "UnpricedWarning",
    "by",
    "coverage",
    "events",
    "percentiles",
    "plot_costs",
    "reprice",
    "summary",
    "timeseries",
]
