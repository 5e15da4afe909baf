"""Sessions over web sockets: how they are opened, and the responses in them."""
