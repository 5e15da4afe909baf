"""Where calls are caught: the methods of clients, and what is put around them."""
