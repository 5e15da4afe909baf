"""Observe the responses of AI clients and turn each one into an event, without delaying the call."""
