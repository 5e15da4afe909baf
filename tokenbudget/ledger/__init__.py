"""Read events fast: closed days as Parquet plus an open tail."""

from tokenbudget.ledger.schema import SCHEMA, Source, to_frame

__all__ = ["SCHEMA", "Source", "to_frame"]
