"""Files of others become events: transcripts that coding agents leave on disk."""
