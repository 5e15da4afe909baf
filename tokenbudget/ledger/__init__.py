"""Read events fast: closed days as Parquet plus an open tail."""
