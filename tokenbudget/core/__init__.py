"""Pure core: data in, data out; no I/O, no clock, no environment, no third-party package but msgspec."""
