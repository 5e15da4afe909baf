"""The pure heart: data in, data out; no I/O, no clock, no environment, no third party but msgspec."""
