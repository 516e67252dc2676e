"""Quirks of outbound events."""
