"""What a call returns: whole answers, streams and HTTP bodies, read along with the caller."""
