"""Made-up usage that looks like a company's, so that every page has something to show."""

from tokenbudget_server.demo.fill import fill

__all__ = ["fill"]
