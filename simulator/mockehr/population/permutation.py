"""A keyed, invertible shuffle of range(size) that needs no memory.

A Feistel network over a grid of width x height cells, just large enough to hold `size`, with cycle walking (Black and
Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): six rounds add to one coordinate a keyed mix of the other; a
result beyond `size` is shuffled again until it lies within. It mixes well and is no cipher. All products stay below
2**60, where plain Python multiplies fastest.
"""

from __future__ import annotations

from hashlib import blake2b
from math import isqrt
from struct import unpack
from typing import Final

LARGEST: Final = 1 << 58
_WORD: Final = (1 << 30) - 1
_ODD_TOP: Final = (1 << 29) | 1


class Permutation:
    """A bijection of range(size) onto itself; `key` (at most 64 bytes) decides which one.

    `slot` and `index` are inverse to each other and raise IndexError outside range(size).
    """

    __slots__ = ("_height", "_rounds", "_width", "size")

    def __init__(self, key: bytes, size: int) -> None:
        if not 0 <= size <= LARGEST:
            raise ValueError(f"a permutation has between 0 and 2**58 places, got {size}")
        self.size = size
        self._width = isqrt(size - 1) + 1 if size > 1 else 1
        self._height = -(-size // self._width)
        words = unpack(">12I", blake2b(b"permutation", key=key, digest_size=48).digest())
        masks = [word & _WORD for word in words[:6]]
        factors = [word & _WORD | _ODD_TOP for word in words[6:]]
        self._rounds = tuple((masks[n], factors[n], masks[n + 1], factors[n + 1]) for n in range(0, 6, 2))

    def slot(self, index: int) -> int:
        """Where `index` is shuffled to."""
        size, width, height = self.size, self._width, self._height
        if not 0 <= index < size:
            raise IndexError(f"{index} is outside range({size})")
        place = index
        while True:
            left, right = divmod(place, height)
            for mask, factor, mask_2, factor_2 in self._rounds:
                mix = (right ^ mask) * factor
                left = (left + ((((mix >> 14) ^ mix) & 0x3FFFFFFF) * 0x2C9277B5 >> 17)) % width
                mix = (left ^ mask_2) * factor_2
                right = (right + ((((mix >> 14) ^ mix) & 0x3FFFFFFF) * 0x2C9277B5 >> 17)) % height
            place = left * height + right
            if place < size:
                return place

    def index(self, slot: int) -> int:
        """Which index is shuffled to `slot`."""
        size, width, height = self.size, self._width, self._height
        if not 0 <= slot < size:
            raise IndexError(f"{slot} is outside range({size})")
        place = slot
        while True:
            left, right = divmod(place, height)
            for mask, factor, mask_2, factor_2 in reversed(self._rounds):
                mix = (left ^ mask_2) * factor_2
                right = (right - ((((mix >> 14) ^ mix) & 0x3FFFFFFF) * 0x2C9277B5 >> 17)) % height
                mix = (right ^ mask) * factor
                left = (left - ((((mix >> 14) ^ mix) & 0x3FFFFFFF) * 0x2C9277B5 >> 17)) % width
            place = left * height + right
            if place < size:
                return place
