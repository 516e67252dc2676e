"""Characters that nobody sees, and that databases refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import reworded, reworded_chart

LEADING: Final = ("\ufeff", "\x01")
TRAILING: Final = ("\0", "\0\0\0", "\x1a", "\x1f", "\x7f")


@corruption("nul-and-controls", ledger=("E1",))
@dataclass(frozen=True, slots=True)
class NulAndControls:
    r"""Some texts have NUL, other control characters or a byte order mark in them.

    What the client sees: `"family": "Abbott\u0000\u0000"`, `"\ufeff12 Oak Street"`, `"Smith\u001a"`: valid JSON, and
    no valid FHIR (a string has no control characters but tab, line feed and carriage return; R4, datatypes#string).
    Coping: take such characters out before comparing and storing, or store them; PostgreSQL refuses U+0000 in text
    and jsonb (manual, 8.14), XML 1.0 cannot hold it at all, and either loses the whole record or the whole batch.

    Seen: NUL in text messages that came into a health worker's system (medic/cht-core#2426), 0x1C inside text of HL7
    v2 (mirth#1309; hl7v2.md A1). Padded fields, joined files that begin with a mark, and Ctrl-Z at an end are other
    ways to them, none of them on record.

    Some texts of the Patient of `rate` of the patients, and of `share` of their records.
    """

    rate: float = 0.05
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a name."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with such characters at the ends of texts."""
        return reworded_chart(chart, _littered, dice, self.share)


def _littered(resource: JSON, dice: Stream) -> JSON:
    first = True

    def litter(text: str) -> str:
        nonlocal first
        told, first = first or dice.chance(0.2), False
        if not told:
            return text
        return dice.choice(LEADING) + text if dice.chance(0.3) else text + dice.choice(TRAILING)

    return reworded(resource, litter)
