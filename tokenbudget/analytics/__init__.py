"""Queries about usage and cost: polars functions over the ledger."""

from tokenbudget.analytics.listing import events
from tokenbudget.analytics.metrics import METRICS, Metric
from tokenbudget.analytics.quantiles import percentiles
from tokenbudget.analytics.questions import by, summary, timeseries

__all__ = ["METRICS", "Metric", "by", "events", "percentiles", "summary", "timeseries"]
