"""Results of batch APIs, returned to the caller or written to a file."""
