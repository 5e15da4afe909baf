"""Calculate costs from rates and usage: for one call, for a kind of calls, and for a whole frame."""
