"""LangChain: the handler that users add to their models' callbacks."""

from tokenbudget.capture.adapters.langchain import TokenBudgetCallbackHandler

__all__ = ["TokenBudgetCallbackHandler"]
