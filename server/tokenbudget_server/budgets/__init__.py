"""Budgets, their status and their enforcement."""
