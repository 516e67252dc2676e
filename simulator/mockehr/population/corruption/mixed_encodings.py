"""Latin-1 in one field, UTF-8 in the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import (
    has_letters_beyond_ascii,
    octets_in_latin_1,
    reworded,
    reworded_chart,
)


@corruption("mixed-encodings", ledger=("E1",), coping="repair")
@dataclass(frozen=True, slots=True)
class MixedEncodings:
    """Within one record some texts are Latin-1 octets and others UTF-8.

    What the client sees: `name[0].text` with the octet F3 for ó, and `name[0].given` with C3 B3, in one answer that
    claims UTF-8. Coping: decode octet by octet: what is valid UTF-8 as UTF-8, what is not as Latin-1. Who guesses one
    encoding for the whole answer, by its first fault, damages the other half.

    Seen from message to message of one patient (dcm4che/dcm4chee-arc-light#2859, #3546; hl7v2.md A7); within one
    record nobody has reported it.

    The names of `rate` of the patients, of these the ones with letters beyond ASCII, and the texts of `share` of
    their records.
    """

    rate: float = 0.1
    share: float = 0.3

    def applies(self, person: Any) -> bool:
        """Only names with letters beyond ASCII can be told apart."""
        return has_letters_beyond_ascii(person)

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with every second of those texts as octets."""
        return reworded_chart(chart, _mixed, dice, self.share)


def _mixed(resource: JSON, dice: Stream) -> JSON:
    turn = cycle((True, False))
    return reworded(resource, lambda text: text if text.isascii() or not next(turn) else octets_in_latin_1(text))
