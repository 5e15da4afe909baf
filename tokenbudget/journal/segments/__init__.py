"""The journal's files: how they are named and locked, what a line of them is, how they are read."""
