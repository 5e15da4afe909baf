"""LlamaIndex: the handler that users add to the dispatcher."""

from tokenbudget.capture.adapters.llamaindex import TokenBudgetEventHandler

__all__ = ["TokenBudgetEventHandler"]
