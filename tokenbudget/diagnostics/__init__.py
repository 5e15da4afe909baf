"""What TokenBudget knows of itself: its internal errors, its health, and what it does not measure."""
