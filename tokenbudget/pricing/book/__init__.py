"""The price book: rows with dates, where they come from, and which row prices a call."""
