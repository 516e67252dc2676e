"""Folding names for search: case and accents do not count (FHIR R4 §3.1.1.4.8, parameters of type string)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_UNDECOMPOSED: Final = MappingProxyType(
    str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ð": "d", "đ": "d", "þ": "th", "ł": "l", "ı": "i", "’": "'"})
)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """`text` without case and accents: `Núñez` -> `nunez`, `Weiß` -> `weiss`, `O’Brien` -> `o'brien`."""
    if text.isascii():
        return text.casefold()
    marked = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in marked if not unicodedata.combining(letter))
    return plain.translate(_UNDECOMPOSED)
