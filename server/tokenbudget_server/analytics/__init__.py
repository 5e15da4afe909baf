"""Serve the library's analytics over HTTP."""
