r"""Half of an emoji: `\ud83d` at the end of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Condition", "Observation", "Procedure", "Immunization", "AllergyIntolerance")
CUT: Final = ("\ud83d", "\ud83e", "\ud83c")
"""First halves of emoji. Second halves below U+DD00 would stand for raw octets here (`surrogateescape`)."""


@corruption("lone-surrogates", ledger=("E1",))
@dataclass(frozen=True, slots=True)
class LoneSurrogates:
    r"""Some texts end in the first half of a surrogate pair.

    What the client sees: `"text": "Acute bronchitis \ud83d"`: an escape that JSON's grammar allows and that is no
    Unicode (RFC 8259 section 8.2: behaviour is unpredictable). Coping: drop the half, or keep it as an escape; a
    strict parser refuses the whole page, and one that takes it fails later, when the text is written as UTF-8. In
    XML it stands as U+FFFD.

    Seen outside of health care, where texts are cut at a length counted in UTF-16 units, as JavaScript, Java and .NET
    count (vertesia/llumiverse#462, vitorpamplona/amethyst#3254, daniel3303/Equibles#774); no EHR's is on record.

    The texts of `share` of the coded records of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody has a record with a text."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those texts."""
        return reworked(chart, KINDS, _cut, dice, self.share)


def _cut(resource: JSON, dice: Stream) -> JSON | None:
    name = "vaccineCode" if resource["resourceType"] == "Immunization" else "code"
    concept = resource.get(name)
    text = concept.get("text") if isinstance(concept, dict) else None
    if not isinstance(concept, dict) or not isinstance(text, str):
        return None
    return resource | {name: concept | {"text": f"{text} {dice.choice(CUT)}"}}
