"""Names as people have them all over the world."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.errors import ConfigError, nearest_names
from mockehr.population.corruption.base import Called, corruption


def _apart(family: str, *given: str) -> Called:
    """The name with its marks as letters of their own (NFD)."""
    parts = [unicodedata.normalize("NFD", part) for part in (family, *given)]
    return Called(parts[0], tuple(parts[1:]))


_LONG: Final = "-".join(("Wolfeschlegel", "Steinhausen", "Bergerdorff", "Hohenlohe", "Langenburg"))
_PARTS: Final = " ".join(("de", "la", "Santísima", "Trinidad", "Martina", "Patricia", "Cipriana", "Clito"))

NAMES: Final[Mapping[str, tuple[Called, ...]]] = MappingProxyType(
    {
        "diacritics": (
            Called("Þórðardóttir", ("Guðrún",)),
            Called("Żółkiewska", ("Świętosława",)),
            Called("Nguyễn", ("Thị Ánh",)),
            Called("Čapková", ("Růžena",)),
            Called("Işıklıoğlu", ("İpek",)),
            Called("Søndergård", ("Åse",)),
        ),
        "scripts": (
            Called("Иванова", ("Наталья", "Сергеевна")),
            Called("Παπαδοπούλου", ("Ελένη",)),
            Called("王", ("小明",)),
            Called("山田", ("花子",)),
            Called("김", ("서연",)),
            Called("शर्मा", ("प्रिया",)),
            Called("สุวรรณ", ("มาลี",)),
            Called("𠮷田", ("太郎",)),  # the first letter lies beyond the 16 bits of UTF-16
        ),
        "combining": (
            _apart("Núñez", "Zoë"),
            _apart("Dvořák", "Jiří"),
            _apart("Phạm", "Thị Hồng"),
            _apart("Müller", "Jürgen"),
        ),
        "right-to-left": (
            Called("الأحمد", ("فاطمة",)),
            Called("כהן", ("נועה",)),
            Called("\u200fמִזְרָחִי\u200e", ("\u200fדָּוִד\u200e",)),  # points, and marks of direction around
            Called("احمدی\u200cنژاد", ("زهرا",)),  # a joiner that parts two letters
        ),
        "marks": (
            Called("O'Brien-Smythe", ("Mary-Kate",)),
            Called("D’Angelo", ("Gian’Carlo",)),
            Called("van 't Hoff", ("J. H.",)),
            Called("ʻAukai", ("Kaʻiulani",)),
            Called("N'Guessan", ("Akissi",)),
            Called("Smith, Jr.", ("Robert \"Bob\"",)),
        ),
        "single": (Called("Suharti"), Called("Ngawang"), Called("U"), Called("ธิดา")),
        "long": (
            Called("-".join([_LONG] * 5), ("Maximiliane", "Theodora")),
            Called("Uvuvwevwevwe", (" ".join([_PARTS] * 5),)),
        ),
    }
)  # fmt: skip
"""By kind. The names are put together from usual ones; nobody in particular is meant."""


@corruption("unicode-names", ledger=("E2",))
@dataclass(frozen=True, slots=True)
class UnicodeNames:
    """Some patients have names that Latin letters of 32 characters do not hold, and these are their names.

    What the client sees: letters beyond Latin-1, other scripts, marks as characters of their own (NFD), right-to-left
    text with marks of direction, both kinds of apostrophe, commas and quotes, one name only (no `given`), names of
    300 characters; in Patient, in every `display` and note, in HL7 messages as far as their character set goes.
    Coping: keep a name as it came, compare in NFC and without case and marks, demand neither a first name nor a
    length; whoever strips, cuts or transliterates loses the person.

    Seen in every population. FHIR asks for Unicode throughout (R4, datatypes.html#string), and servers fail at it all
    the same: a Greek family name that no search finds (LinuxForHealth/FHIR#4249).

    `kind` is one of diacritics, scripts, combining, right-to-left, marks, single and long; empty for all. `rate` of
    the patients.
    """

    rate: float = 0.1
    kind: str = ""

    def __post_init__(self) -> None:
        if self.kind and self.kind not in NAMES:
            near = nearest_names(self.kind, NAMES, limit=1)
            hint = f"; nearest: {near[0]}" if near else f"; one of: {', '.join(NAMES)}"
            raise ConfigError(f"unicode-names: there is no kind {self.kind!r}{hint}.")

    def applies(self, person: Any) -> bool:
        """Everybody may have such a name."""
        return True

    def names(self) -> tuple[Called, ...]:
        """The names, each borne by as many."""
        if self.kind:
            return NAMES[self.kind]
        return tuple(name for names in NAMES.values() for name in names)
