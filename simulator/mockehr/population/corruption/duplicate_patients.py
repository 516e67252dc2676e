"""The same person registered twice, and nobody has noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption


@corruption("duplicate-patients", ledger=("E5",), listed=True)
@dataclass(frozen=True, slots=True)
class DuplicatePatients:
    """A share of the patients is registered twice, with small differences and without any link.

    What the client sees: two active Patients of the same family name, birth date, sex and address, with different
    ids, MRNs and telephone numbers; the given name of the second is an initial, lacks its middle name, or has two
    letters swapped. Both come up in searches; neither says anything of the other. The charts of the second one are
    empty. Coping: match by more than the id (family name, birth date, sex, address, and a given name that is alike),
    and keep one person, or put the pair before somebody who decides. A client that keeps two persons has half a
    history under each some day.

    Seen everywhere: around 2 % of registrations are in error, says FHIR R4 itself (patient.html#dup-records), 8 % of
    a hospital's records are duplicates in ECRI's estimate (For The Record, May 2017), 10 % in AHIMA's (Building an
    Enterprise Master Person Index). Middle names differ most, given names by misspelling (Just et al., 2016,
    PMC4832129).

    Adds `rate` × patients such records. Searches look at the first 5000 of a site.
    """

    rate: float = 0.05

    def applies(self, person: Any) -> bool:
        """Anybody can be registered twice."""
        return True

    def shadow(self, patient: JSON, id: str, dice: Stream) -> list[JSON]:
        """The chart of the second record, made from the first one's clean Patient: one Patient and nothing else."""
        identifiers = [
            identifier | {"value": f"{dice.below(10**8):08d}"} for identifier in patient.get("identifier", ())
        ]
        names = [_another_time(name, dice) for name in patient.get("name", ())[:1]]
        phone = {"system": "phone", "value": f"({dice.between(200, 989)}) 555-01{dice.below(100):02d}", "use": "home"}
        kept = {key: value for key, value in patient.items() if key not in ("link", "communication", "contact")}
        return [kept | {"id": id, "active": True, "identifier": identifiers, "name": names, "telecom": [phone]}]


def _another_time(name: JSON, dice: Stream) -> JSON:
    """The name as another clerk typed it."""
    given = list(name.get("given", ()))
    if len(given) > 1:
        given = given[:1]
    elif given and len(given[0]) > 3 and dice.chance(0.5):
        first = given[0]
        at = dice.between(1, len(first) - 2)
        swapped = first[:at] + first[at + 1] + first[at] + first[at + 2 :]
        given = [swapped if swapped != first else first[:-1]]
    elif given:
        given = [given[0][:1]]
    kept = {key: value for key, value in name.items() if key != "text"}
    return kept | {"given": given}
