"""Receive events: authenticate, validate, re-price, commit."""
