"""Observe the responses of AI clients and turn each one into an event, without delaying the call."""

from tokenbudget.capture.patching import patch, unpatch
from tokenbudget.capture.record_call import record
from tokenbudget.capture.tagging import current_tags, tagged, tags
from tokenbudget.capture.wrapping import wrap

__all__ = ["current_tags", "patch", "record", "tagged", "tags", "unpatch", "wrap"]
