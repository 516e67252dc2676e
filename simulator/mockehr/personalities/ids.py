"""Ids that vendors would send, computed both ways from (patient index, ordinal) without a table.

A clean id is `p{index}` for a Patient, `p{index}-{ordinal}` for what lies in a chart and `d{ordinal}` for what
belongs to the whole site (practitioners, places). Each codec maps it one to one onto its vendor's form, keyed by the
site; a text that it would never have written decodes to None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Protocol

WRITTEN_FROM: Final = 1 << 30
"""Index from which on the ids of written resources are made; populations are smaller."""
ORDINALS: Final = 4096
"""Resources that most charts stay below: the numbered codecs pack a chart into so many places."""
LONG_FROM: Final = 1 << 26
"""Index from which on charts cannot number more than ORDINALS resources, and how many may be written."""
PAGES: Final = 16
"""How many times ORDINALS the longest chart can number."""

Place = tuple[int | None, int]
"""(patient index or None for the whole site, ordinal)."""

_CLEAN = re.compile(r"p(0|[1-9]\d{0,11})(?:-(0|[1-9]\d{0,11}))?|d(0|[1-9]\d{0,11})")


def clean_id(resource_type: str, index: int | None, ordinal: int) -> str:
    """The clean id of a place."""
    if index is None:
        return f"d{ordinal}"
    return f"p{index}" if resource_type == "Patient" else f"p{index}-{ordinal}"


def place_of(text: str) -> Place | None:
    """The place that a clean id names, or None if it is none."""
    found = _CLEAN.fullmatch(text)
    if found is None:
        return None
    index, ordinal, shared = found.groups()
    if shared is not None:
        return None, int(shared)
    return int(index), int(ordinal or 0)


class IdCodec(Protocol):
    """One to one between places and a vendor's ids.

    `flavour` is a word of the personality for what else an id shows: the category of an Observation or Condition.
    """

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The vendor's id of a place."""

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place behind an id, or None if this site never gave it out for that type."""

    def flavour(self, resource_type: str, text: str) -> str:
        """The flavour that the form of an id shows; empty if it shows none."""

    def fresh(self, resource_type: str, number: int) -> str:
        """The id of the `number`-th resource (from 1) that a client had written; no place has it."""


class CleanIds:
    """The clean ids as they are."""

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """`p12`, `p12-3` or `d4`."""
        return clean_id(resource_type, index, ordinal)

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, unless the text is no clean id of that type."""
        place = place_of(text)
        return place if place is not None and text == clean_id(resource_type, *place) else None

    def flavour(self, resource_type: str, text: str) -> str:
        """Always empty."""
        return ""

    def fresh(self, resource_type: str, number: int) -> str:
        """`w1`, `w2` …"""
        return f"w{number}"


class Scramble:
    """A keyed bijection of range(2**bits), `bits` even: a balanced Feistel network, four rounds of BLAKE2b.

    (Luby and Rackoff, "How to construct pseudorandom permutations", 1988: four rounds suffice.)
    """

    __slots__ = ("_half", "_key", "_mask", "_octets")

    def __init__(self, key: bytes, bits: int) -> None:
        if bits < 2 or bits % 2:
            raise ValueError(f"a scramble wants an even number of bits, got {bits}")
        self._key = key
        self._half = bits // 2
        self._mask = (1 << self._half) - 1
        self._octets = (self._half + 7) // 8

    def forward(self, value: int) -> int:
        """Where `value` goes."""
        left, right = value >> self._half, value & self._mask
        for number in range(4):
            left, right = right, left ^ self._round(number, right)
        return left << self._half | right

    def backward(self, value: int) -> int:
        """What goes to `value`."""
        left, right = value >> self._half, value & self._mask
        for number in (3, 2, 1, 0):
            left, right = right ^ self._round(number, left), left
        return left << self._half | right

    def _round(self, number: int, half: int) -> int:
        text = half.to_bytes(self._octets, "big")
        digest = blake2b(text, key=self._key, salt=bytes((number,)), digest_size=self._octets).digest()
        return int.from_bytes(digest, "big") & self._mask


_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
_LETTERS: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_ORDINAL_BITS: Final = 40
_INDEX_BITS: Final = 44
_SHORT: Final = 24


class OpaqueIds:
    """Opaque texts from 64 characters, in two families: `e…3` of 24 characters, and longer ones `f…4`.

    `lengths` says how long the ids of a type (`Observation`) or of a flavour of it (`Binary/rtf`) are; all else has
    24. Of the 132 bits and more of an id, 84 say the place and the others must come out as zero.
    """

    def __init__(self, key: Callable[..., bytes], lengths: Mapping[str, int]) -> None:
        self._key = key
        self._lengths = dict(lengths)
        self._scrambles: dict[tuple[str, int], Scramble] = {}

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """`e…3` or `f…4`."""
        length = self._lengths.get(f"{resource_type}/{flavour}") or self._lengths.get(resource_type, _SHORT)
        place = (0 if index is None else index + 1) << _ORDINAL_BITS | ordinal
        number = self._scramble(resource_type, length).forward(place)
        letters = []
        for _ in range(length - 2):
            number, letter = divmod(number, 64)
            letters.append(_ALPHABET[letter])
        first, last = ("e", "3") if length == _SHORT else ("f", "4")
        return first + "".join(letters) + last

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, unless the check bits say that this was never given out."""
        if len(text) not in self._lengths_of(resource_type):
            return None
        if (text[0], text[-1]) != (("e", "3") if len(text) == _SHORT else ("f", "4")):
            return None
        number = 0
        for letter in reversed(text[1:-1]):
            value = _LETTERS.get(letter)
            if value is None:
                return None
            number = number << 6 | value
        place = self._scramble(resource_type, len(text)).backward(number)
        if place >> (_ORDINAL_BITS + _INDEX_BITS):
            return None
        index, ordinal = place >> _ORDINAL_BITS, place & ((1 << _ORDINAL_BITS) - 1)
        return (index - 1 if index else None), ordinal

    def flavour(self, resource_type: str, text: str) -> str:
        """The flavour whose ids have this length."""
        prefix = f"{resource_type}/"
        lengths = self._lengths.items()
        return next((n.removeprefix(prefix) for n, size in lengths if n.startswith(prefix) and size == len(text)), "")

    def fresh(self, resource_type: str, number: int) -> str:
        """As if patients followed whom no population is large enough to have."""
        return self.encode(resource_type, WRITTEN_FROM + number, 0)

    def _lengths_of(self, resource_type: str) -> set[int]:
        prefix = f"{resource_type}/"
        own = {size for name, size in self._lengths.items() if name.startswith(prefix)}
        return own | {self._lengths.get(resource_type, _SHORT)}

    def _scramble(self, resource_type: str, length: int) -> Scramble:
        found = self._scrambles.get((resource_type, length))
        if found is None:
            key = self._key("ids", resource_type, length)
            found = self._scrambles[resource_type, length] = Scramble(key, 6 * (length - 2))
        return found


_SPANS: Final = (20, 24, 28, 32, 36, 40, 44)
_CHECK_BITS: Final = 6
_FIRST: Final = 10_000_000


class Numbers:
    """Reversible numbers as a database would count them up: eight digits while few are in use, more with more.

    Values below 2**20 become numbers from 10 000 000 on, those below 2**24 the ones above, and so on up to 2**44; six
    bits of each number are a check.
    """

    def __init__(self, key: bytes) -> None:
        self._spans: list[tuple[int, int, Scramble]] = []
        first = _FIRST
        for bits in _SPANS:
            self._spans.append(
                (first, bits, Scramble(blake2b(key, salt=bytes((bits,))).digest()[:32], bits + _CHECK_BITS))
            )
            first += 1 << (bits + _CHECK_BITS)

    def encode(self, value: int) -> int:
        """The number of a value; raises ValueError from 2**44 on."""
        for first, bits, scramble in self._spans:
            if value >> bits == 0:
                return first + scramble.forward(value << _CHECK_BITS)
        raise ValueError(f"{value} has no number: the largest is 2**{_SPANS[-1]}")

    def decode(self, number: int) -> int | None:
        """The value of a number, or None if it is nobody's."""
        smallest = 0
        for first, bits, scramble in self._spans:
            if first <= number < first + (1 << (bits + _CHECK_BITS)):
                value, check = divmod(scramble.backward(number - first), 1 << _CHECK_BITS)
                return value if check == 0 and value >= smallest else None
            smallest = 1 << bits
        return None


def counted(resource_type: str, index: int | None, ordinal: int) -> int:
    """A place as one number; small populations have small ones."""
    if index is None:
        return ordinal * 2 + 1
    if resource_type == "Patient":
        return index * 2
    return packed(index, ordinal) * 2


def uncounted(resource_type: str, value: int) -> Place:
    """The place of such a number."""
    value, shared = divmod(value, 2)
    if shared:
        return None, value
    return (value, 0) if resource_type == "Patient" else unpacked(value)


def packed(index: int, ordinal: int) -> int:
    """A place in a chart as one number below 2**43: ORDINALS numbers for each chart.

    Of a longer chart the rest is numbered as if it were charts behind all others, behind what was written, too: small
    charts have the same numbers whatever others there are. Raises ValueError for more than PAGES times ORDINALS, or
    for a long chart from LONG_FROM on.
    """
    page, place = divmod(ordinal, ORDINALS)
    if page:
        if page >= PAGES or index >= LONG_FROM:
            most = ORDINALS if index >= LONG_FROM else PAGES * ORDINALS
            raise ValueError(f"that chart numbers at most {most} resources, got ordinal {ordinal}")
        index += WRITTEN_FROM + page * LONG_FROM
    return index * ORDINALS + place


def unpacked(value: int) -> tuple[int, int]:
    """The patient index and ordinal of such a number."""
    index, place = divmod(value, ORDINALS)
    page, rest = divmod(index - WRITTEN_FROM, LONG_FROM)
    return (rest, page * ORDINALS + place) if page > 0 else (index, place)


_HOLES = re.compile(r"\{(n|m|uuid5?|hex)\}")
_EXPRESSIONS: Final = {
    "n": r"[1-9]\d{6,18}",
    "m": r"[1-9]\d{6,18}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
    "uuid5": r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
    "hex": r"[0-9a-f]{24}",
}
_WIDE: Final = {"uuid": 120, "uuid5": 120, "hex": 96}
"""Bits of what says a place in digits that need no check of their own."""


class NumberedIds:
    """Numbers, mostly with a prefix for the kind of thing.

    `forms` gives the form of a type (`Immunization: M{n}`) or of a flavour of it (`Observation/laboratory: L-{n}`);
    `{n}` is the number, `{m}` the same number and two, `{uuid}` a GUID that holds it (`{uuid5}` one of version 5),
    `{hex}` 24 hexadecimal digits that do. All else has the form `default`, a bare number unless told.
    """

    def __init__(self, key: Callable[..., bytes], forms: Mapping[str, str], default: str = "{n}") -> None:
        self._key = key
        self._default = default
        self._forms = dict(forms)
        self._numbers: dict[tuple[str, str], Numbers] = {}

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The number in the type's form."""
        form = self._forms.get(f"{resource_type}/{flavour}") or self._forms.get(resource_type, self._default)
        value = counted(resource_type, index, ordinal)
        for kind, bits in _WIDE.items():
            if f"{{{kind}}}" in form:
                wide = self._scramble(resource_type, bits).forward(value)
                return form.replace(f"{{{kind}}}", _guid(wide, kind[4:] or "4") if bits == 120 else f"{wide:024x}")
        number = self._of(resource_type, form).encode(value)
        return form.replace("{n}", str(number)).replace("{m}", str(number + 2))

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, for any form that the type may have."""
        for _, form in self._forms_of(resource_type):
            found = _pattern(form).fullmatch(text)
            if found is None:
                continue
            parts = found.groupdict()
            wide = next((kind for kind in _WIDE if kind in parts), "")
            if wide:
                number = int(parts[wide], 16) if wide == "hex" else _unguid(parts[wide])
                value: int | None = self._scramble(resource_type, _WIDE[wide]).backward(number)
                value = value if value is not None and value >> _SPANS[-1] == 0 else None
            elif "m" in parts and int(parts["m"]) != int(parts["n"]) + 2:
                value = None
            else:
                value = self._of(resource_type, form).decode(int(parts["n"]))
            if value is not None:
                return uncounted(resource_type, value)
        return None

    def flavour(self, resource_type: str, text: str) -> str:
        """The flavour whose form this id has."""
        return next((name for name, form in self._forms_of(resource_type) if _pattern(form).fullmatch(text)), "")

    def fresh(self, resource_type: str, number: int) -> str:
        """As if patients followed whom no population is large enough to have."""
        return self.encode(resource_type, WRITTEN_FROM + number, 0)

    def _forms_of(self, resource_type: str) -> Sequence[tuple[str, str]]:
        prefix = f"{resource_type}/"
        own = [(n.removeprefix(prefix), form) for n, form in self._forms.items() if n.startswith(prefix)]
        return [*own, ("", self._forms.get(resource_type, self._default))]

    def _of(self, resource_type: str, form: str) -> Numbers:
        found = self._numbers.get((resource_type, form))
        if found is None:
            found = self._numbers[resource_type, form] = Numbers(self._key("ids", resource_type, form))
        return found

    def _scramble(self, resource_type: str, bits: int) -> Scramble:
        return Scramble(self._key("ids", resource_type, "uuid" if bits == 120 else "hex"), bits)


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    """A form as an expression with a group for each hole."""
    parts, end = [], 0
    for hole in _HOLES.finditer(form):
        kind = hole[1]
        parts.append(re.escape(form[end : hole.start()]) + f"(?P<{kind}>{_EXPRESSIONS[kind]})")
        end = hole.end()
    return re.compile("".join(parts) + re.escape(form[end:]))


def _guid(value: int, version: str) -> str:
    """120 bits in the layout of a UUID of that version."""
    text = f"{value:030x}"
    return f"{text[:8]}-{text[8:12]}-{version}{text[12:15]}-8{text[15:18]}-{text[18:]}"


def _unguid(text: str) -> int:
    digits = text.replace("-", "")
    return int(digits[:12] + digits[13:16] + digits[17:], 16)
