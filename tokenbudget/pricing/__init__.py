"""Turn measured usage into an itemised receipt from dated, sourced prices."""
