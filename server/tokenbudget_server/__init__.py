"""The TokenBudget server."""
