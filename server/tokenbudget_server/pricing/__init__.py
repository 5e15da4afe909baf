"""The server's price book and its changes."""
