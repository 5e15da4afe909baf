"""Figures of usage and cost."""
