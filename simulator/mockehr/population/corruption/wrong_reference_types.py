"""References whose type is not the type of what they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.dangling_references import KINDS, NAMED
from mockehr.population.corruption.reworking import reworked

INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Practitioner": "PractitionerRole",
        "Encounter": "EpisodeOfCare",
        "Organization": "Practitioner",
        "Specimen": "Device",
    }
)
"""What an old converter takes each type for."""


@corruption("wrong-reference-types", ledger=("E7",))
@dataclass(frozen=True, slots=True)
class WrongReferenceTypes:
    """Some references name the right id under the wrong type.

    What the client sees: `Organization` where a Practitioner should be and so on, such as `EpisodeOfCare/p3-2` for
    the Encounter `p3-2`: a read answers 404 or says that there is no such type, while the id is good under another
    one. Coping: take what cannot be resolved for unknown, keep the record, and do not build its schema on
    `reference` naming one of the allowed types.

    Seen at NextGen: a reference to the address of a code system (v3-NullFlavor; fasten-sources, 2024-11-23;
    vendors-others.md 0). Right ids under a wrong type are not on record.

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has records that refer to something."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those references of the wrong type."""
        return reworked(chart, KINDS, _mistaken, dice, self.share)


def _mistaken(resource: JSON, dice: Stream) -> JSON | None:
    for name in NAMED:
        found: Any = resource.get(name)
        one: Any = found[0] if isinstance(found, list) and found else found
        before, slash, id = str(one.get("reference", "")).rpartition("/") if isinstance(one, dict) else ("", "", "")
        base, _, kind = before.rpartition("/")
        if slash and kind in INSTEAD:
            told = "/".join(part for part in (base, INSTEAD[kind], id) if part)
            wrong = one | {"reference": told} | ({"type": INSTEAD[kind]} if "type" in one else {})
            return resource | {name: [wrong, *found[1:]] if isinstance(found, list) else wrong}
    return None
