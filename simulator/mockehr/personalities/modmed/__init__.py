"""Modernizing Medicine (ModMed)."""
