"""Sealed events: finished segments become Parquet parts, which a manifest lists."""
