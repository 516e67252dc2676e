"""Quirks of search and paging."""
