"""Quirks of launches: what goes wrong between an app being opened and its first token."""
