"""UTF-8 that was read as Windows-1252 and written as UTF-8 again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import has_letters_beyond_ascii, reworded, reworded_chart


@corruption("double-encoded-text", ledger=("E1",), coping="repair")
@dataclass(frozen=True, slots=True)
class DoubleEncodedText:
    """Texts of a chart are UTF-8 that was read as Windows-1252, once or twice.

    What the client sees: `MuÃ±oz` for Muñoz, or `MuÃƒÂ±oz` where it happened twice; the answer itself is valid UTF-8,
    so that no decoder complains. Coping: where a text can be written in Windows-1252 and these octets are UTF-8 with
    a letter beyond ASCII, take what they say, and do so again until they are not; the five octets that Windows-1252
    leaves undefined stand as C1 controls. What is kept as it is finds nobody and prints wrongly for good.

    Seen where an interface engine came to run with another default character set: `Âµmol/L` for µmol/L (mirth#5277;
    hl7v2.md A7).

    The names of `rate` of the patients, of these the ones with letters beyond ASCII, and the texts of `share` of
    their records.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Only names with letters beyond ASCII can be told apart."""
        return has_letters_beyond_ascii(person)

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those texts."""
        times = dice.between(1, 2)

        def misread(text: str) -> str:
            for _ in range(0 if text.isascii() or not text.isprintable() else times):
                text = "".join(map(_windows, text.encode("utf-8")))
            return text

        return reworded_chart(chart, lambda resource, _: reworded(resource, misread), dice, self.share)


def _windows(octet: int) -> str:
    """What browsers and databases read an octet of Windows-1252 as (WHATWG Encoding, index windows-1252)."""
    try:
        return bytes([octet]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(octet)
