"""Serve exports as downloads."""
