"""Advisory locks: who waits for whom, in one place, so that no two have the same number."""

from __future__ import annotations

MIGRATION = 8321_0001
"""Changing the schema."""
MAINTENANCE = 8321_0003
"""Making and dropping partitions."""
PRICE_SYNC = 8321_0004
"""Fetching prices once a day."""
REPRICING = 8321_0005
"""Pricing events again."""
PRICE_BOOK = 8321_0006
"""Writing prices."""
OUTBOX = 8321_0007
"""Deleting what was done."""
MEMBERS = 8321_0008
"""Changing roles, so that an organisation keeps an owner."""
ACCOUNTS = 8321_0009
"""Changing teams and projects, so that what a request says that it changes is what it changes."""
ROLLUP_SHARDS = 8321_02
"""The first of two keys; the second is the number of the shard of the rollups."""
