"""Quirks of what records show: names elsewhere, elements masked."""
