"""Whatever runs in the background: periodic jobs, and an outbox of what is to be done after a transaction."""
