"""Turn a frame into the bytes of a file: CSV, Parquet, FOCUS, PDF."""
