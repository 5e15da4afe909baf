"""Write events to the open segment, and keep them in memory while the disk does not take them."""
