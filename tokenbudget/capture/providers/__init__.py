"""One declarative module per provider: which client methods to observe and where usage is in a response."""
