"""Quirks of bulk exports: polls, manifests, files."""
