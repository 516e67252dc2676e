"""Named random streams. The only place where randomness is made.

A draw depends on the site's seed and on the names given, on nothing else: not on how many draws were made
before under other names, not on the order in which concurrent exchanges arrive, not on the process.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
_TWO_53 = 1.0 / (1 << 53)
_SEPARATOR = b"\x1f"


class Stream:
    """An endless sequence of draws under one name. Cheap to make, not thread-safe, never shared.

    Every draw hashes (key, counter) with BLAKE2b; one digest serves eight 64-bit words.
    """

    __slots__ = ("_block", "_key", "_used", "_words")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._block = 0
        self._used = 8
        self._words: tuple[int, ...] = ()

    def word(self) -> int:
        """The next 64 random bits, as an integer in [0, 2**64)."""
        if self._used == 8:
            digest = blake2b(self._block.to_bytes(8, "big"), key=self._key, digest_size=64).digest()
            self._words = struct.unpack(">8Q", digest)
            self._block += 1
            self._used = 0
        value = self._words[self._used]
        self._used += 1
        return value

    def random(self) -> float:
        """A float in [0, 1)."""
        return (self.word() >> 11) * _TWO_53

    def below(self, limit: int) -> int:
        """An integer in [0, limit); `limit` must be positive and below 2**64."""
        if limit <= 0:
            raise ValueError(f"below() wants a positive limit, got {limit}")
        return (self.word() * limit) >> 64

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high], both ends included."""
        return low + self.below(high - low + 1)

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * self.random()

    def normal(self, mean: float, deviation: float) -> float:
        """Roughly normal: the sum of four uniforms, so never beyond 3.5 deviations (charts want no freaks)."""
        total = self.random() + self.random() + self.random() + self.random() - 2.0
        return mean + deviation * total * 1.7320508075688772

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random() < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of `options`, each equally likely; raises ValueError on an empty sequence."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of `options` by weight; weights need not sum to one."""
        point = self.random() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            point -= weight
            if point < 0:
                return option
        return options[-1]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` distinct options in drawn order (all of them if there are fewer)."""
        pool = list(options)
        count = max(0, min(count, len(pool)))
        for position in range(count):
            other = position + self.below(len(pool) - position)
            pool[position], pool[other] = pool[other], pool[position]
        return pool[:count]

    def token(self, octets: int) -> bytes:
        """`octets` random bytes."""
        parts = [self.word().to_bytes(8, "big") for _ in range((octets + 7) // 8)]
        return b"".join(parts)[:octets]

    def hex(self, digits: int) -> str:
        """`digits` lower-case hexadecimal digits."""
        return self.token((digits + 1) // 2).hex()[:digits]

    def uuid(self) -> str:
        """A random UUID in text form (version 4 layout)."""
        raw = bytearray(self.token(16))
        raw[6] = (raw[6] & 0x0F) | 0x40
        raw[8] = (raw[8] & 0x3F) | 0x80
        text = raw.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Chance:
    """The source of all streams of one site; `seed` may be any integer or string."""

    __slots__ = ("_root", "seed")

    def __init__(self, seed: int | str) -> None:
        self.seed = seed
        self._root = blake2b(str(seed).encode(), digest_size=32, person=b"mockehr").digest()

    def key(self, *names: str | int) -> bytes:
        """32 bytes that depend on the seed and the names only; keys permutations and pseudonyms."""
        text = _SEPARATOR.join(str(name).encode("utf-8", "surrogatepass") for name in names)
        return blake2b(text, key=self._root, digest_size=32).digest()

    def stream(self, *names: str | int) -> Stream:
        """A fresh stream under `names`; the same names always give the same draws."""
        return Stream(self.key(*names))

    def draw(self, *names: str | int) -> float:
        """One float in [0, 1) under `names`, without making a stream."""
        return (int.from_bytes(self.key(*names)[:8], "big") >> 11) * _TWO_53
