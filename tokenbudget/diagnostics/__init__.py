"""What TokenBudget knows of itself: its internal errors, and what it does not measure."""
