"""Ship the journal to a server in batches and remember what it acknowledged."""
