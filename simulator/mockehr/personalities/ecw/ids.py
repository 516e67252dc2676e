"""Ids as eClinicalWorks has them: opaque, all of one practice with the same beginning. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final

from mockehr.personalities.ids import WRITTEN_FROM, Place, Scramble

_PLAIN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ALPHABET: Final = _PLAIN + "-_."
_LETTERS: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_BASE: Final = len(_ALPHABET)
PREFIX: Final = 21
"""Characters that all ids of a practice begin with."""
SHORT: Final = 43
LONG: Final = 64
_BITS: Final[Mapping[int, int]] = {SHORT: 132, LONG: 258}
"""Bits that the characters after the prefix hold. The last of them stays below 62, so no id ends in `.`, `-`, `_`."""
_ORDINAL_BITS: Final = 40
_PLACE_BITS: Final = _ORDINAL_BITS + 44


class PracticeIds:
    """43 or 64 url-safe characters with `.`, `-` and `_` among them; `lengths` has the types with another than 43."""

    def __init__(self, key: Callable[..., bytes], lengths: Mapping[str, int]) -> None:
        self._key = key
        self._lengths = dict(lengths)
        drawn = int.from_bytes(blake2b(key("practice prefix"), digest_size=32).digest(), "big")
        self.prefix = _written(drawn, PREFIX, _PLAIN)
        self._scrambles: dict[str, Scramble] = {}

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The prefix, then the place as a number that was mixed with the key."""
        length = self._lengths.get(resource_type, SHORT)
        place = (0 if index is None else index + 1) << _ORDINAL_BITS | ordinal
        return self.prefix + _written(self._scramble(resource_type).forward(place), length - PREFIX, _ALPHABET)

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, unless the bits that must be zero say that this was never given out."""
        length = self._lengths.get(resource_type, SHORT)
        if len(text) != length or not text.startswith(self.prefix):
            return None
        number = 0
        for letter in reversed(text[PREFIX:]):
            value = _LETTERS.get(letter)
            if value is None:
                return None
            number = number * _BASE + value
        if number >> _BITS[length]:
            return None
        place = self._scramble(resource_type).backward(number)
        if place >> _PLACE_BITS:
            return None
        index, ordinal = place >> _ORDINAL_BITS, place & ((1 << _ORDINAL_BITS) - 1)
        return (index - 1 if index else None), ordinal

    def flavour(self, resource_type: str, text: str) -> str:
        """Always empty."""
        return ""

    def fresh(self, resource_type: str, number: int) -> str:
        """As if patients followed whom no population is large enough to have."""
        return self.encode(resource_type, WRITTEN_FROM + number, 0)

    def _scramble(self, resource_type: str) -> Scramble:
        found = self._scrambles.get(resource_type)
        if found is None:
            bits = _BITS[self._lengths.get(resource_type, SHORT)]
            found = self._scrambles[resource_type] = Scramble(self._key("ids", resource_type), bits)
        return found


def _written(number: int, length: int, alphabet: str) -> str:
    """The lowest digits of a number, least first."""
    letters = []
    for _ in range(length):
        number, value = divmod(number, len(alphabet))
        letters.append(alphabet[value])
    return "".join(letters)
