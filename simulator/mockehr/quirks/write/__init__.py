"""Quirks of writes."""
