"""From rates and usage to a receipt: for one call, for a kind of calls, and for a whole frame."""
