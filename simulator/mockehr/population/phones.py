"""Fictitious phone numbers that give their bearers back.

All are 555-0100 to 555-0199, the numbers reserved for fiction, in 693 area codes: 69,300 numbers. A larger
population shares them, evenly: a number's bearers are an arithmetic progression of slots.
"""

from __future__ import annotations

from typing import Final

from mockehr.population.permutation import Permutation

_AREAS: Final = tuple(area for area in range(200, 1000) if area // 10 % 10 != 9 and area % 100 != 11)[:693]
_AREA_POSITION: Final = {area: position for position, area in enumerate(_AREAS)}
NUMBERS: Final = len(_AREAS) * 100


class Phones:
    """One kind of phone: of every `block` patients (in slot order) the first `present` have one.

    NUMBERS must be divisible by `present`.
    """

    __slots__ = ("_block", "_present", "order")

    def __init__(self, key: bytes, size: int, *, present: int, block: int) -> None:
        if NUMBERS % present or not 0 < present <= block:
            raise ValueError(f"{present} of {block} does not divide {NUMBERS} numbers evenly")
        self.order = Permutation(key, size)
        self._present = present
        self._block = block

    def number(self, slot: int) -> str:
        """The number of `slot` as `312-555-0123`, or empty."""
        block, part = divmod(slot, self._block)
        if part >= self._present:
            return ""
        number = (block * self._present + part) % NUMBERS
        return f"{_AREAS[number // 100]}-555-01{number % 100:02d}"

    def slots(self, text: str) -> range:
        """The slots of everyone with the number `text`; only its last ten digits count."""
        digits = "".join(letter for letter in text if letter in "0123456789")[-10:]
        if len(digits) < 10 or digits[3:8] != "55501" or int(digits[:3]) not in _AREA_POSITION:
            return range(0)
        number = _AREA_POSITION[int(digits[:3])] * 100 + int(digits[8:])
        first = number // self._present * self._block + number % self._present
        return range(first, self.order.size, NUMBERS // self._present * self._block)
