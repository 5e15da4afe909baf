"""Magics and rich display for notebooks."""
