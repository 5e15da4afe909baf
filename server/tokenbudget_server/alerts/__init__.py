"""Tell people when a budget is about to be or has been overspent."""
