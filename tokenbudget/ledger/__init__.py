"""Read events as frames: sealed Parquet, and the open segments of the journal."""
