"""Which methods of HTTP change nothing."""

from __future__ import annotations

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Safe ones, as RFC 9110 calls them: viewers may send them, and a forged one does no harm."""
