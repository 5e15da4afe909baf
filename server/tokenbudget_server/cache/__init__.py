"""What processes remember for a while: together in Redis, or each by itself."""
