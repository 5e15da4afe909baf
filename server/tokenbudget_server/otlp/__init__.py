"""Receive OpenTelemetry traces and read the usage in them."""
