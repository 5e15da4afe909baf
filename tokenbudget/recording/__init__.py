"""Record events: price them, append them to the journal, send them; with a fast path for most of them."""
