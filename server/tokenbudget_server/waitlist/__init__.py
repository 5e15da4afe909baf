"""Keep the waitlist of people who asked for access."""
