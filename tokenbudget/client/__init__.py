"""Ask a server the questions that analytics answers locally."""
