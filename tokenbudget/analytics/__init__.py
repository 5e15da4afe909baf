"""Answer questions about usage and cost: polars functions over the ledger."""
