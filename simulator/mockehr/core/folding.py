"""Folding text for search: case, accents and runs of white space do not count (FHIR R4 §3.1.1.4.8, type string)."""

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
    """`text` without case, accents and surplus white space: `Núñez` -> `nunez`, `O’Brien` -> `o'brien`."""
    folded = text.casefold()
    if not text.isascii():
        marked = unicodedata.normalize("NFKD", folded)
        folded = "".join(letter for letter in marked if not unicodedata.combining(letter)).translate(_UNDECOMPOSED)
    return " ".join(folded.split())
