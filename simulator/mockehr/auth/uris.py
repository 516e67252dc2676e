"""Addresses with parameters."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """A URL with parameters added to the query that it has; empty ones are left out."""
    parts = urlsplit(url)
    added = urlencode({name: value for name, value in parameters.items() if value})
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, added) if part)))
