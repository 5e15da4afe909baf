"""The price book: dated prices, their sources, and which row prices a call."""
