"""Quirks of the connection: latency, resets, truncation."""
