"""Start and stop the parts: ``tokenbudget up``, ``serve`` and ``panel``."""
