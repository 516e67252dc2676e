"""Quirks of HTTP: limits, failures, malformed successes."""
