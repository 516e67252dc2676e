"""Quirks of the data: pure functions that dirty a chart. The clean original is always there to compare with."""
