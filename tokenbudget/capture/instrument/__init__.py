"""How calls are observed: wrappers, streams, raw bodies, batches, sessions.  Nothing here knows any provider."""
