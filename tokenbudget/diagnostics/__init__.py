"""Internal errors, and calls that are not measured."""
