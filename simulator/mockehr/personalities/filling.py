"""Names in settings that a site fills in: `{root}`, `{base}`, `{tenant}` …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled_text(text: str, names: Mapping[str, str]) -> str:
    """A text with each `{name}` in it replaced."""
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def filled(values: Any, names: Mapping[str, str]) -> Any:
    """A copy of settings with `{name}` replaced in every text."""
    if isinstance(values, Mapping):
        return {key: filled(value, names) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [filled(value, names) for value in values]
    return filled_text(values, names) if isinstance(values, str) and "{" in values else values
