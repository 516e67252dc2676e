"""Quirks of tokens and scopes."""
