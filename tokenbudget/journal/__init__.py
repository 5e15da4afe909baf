"""Keep every event on disk before the observed call returns."""
