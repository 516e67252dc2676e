"""Names in Windows-1252 inside a feed that claims UTF-8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption


@corruption("windows-1252-names", ledger=("E1",), coping="repair")
@dataclass(frozen=True, slots=True)
class Windows1252Names:
    """The name of a patient is stored as Windows-1252 octets, while the answer says `charset=utf-8`.

    What the client sees: octets such as E9 or F1 where UTF-8 would have two. A strict decoder fails on the whole
    answer, a forgiving one (`errors="replace"`) stores U+FFFD and loses the letter for good. Coping: decode as UTF-8,
    and where an octet does not fit, read that octet as Windows-1252.

    Seen in HL7 v2, where MSH-18 is empty or says UTF-8 and the octets are Windows-1252 (panates/hl7v2#28; hl7v2.md
    A7, B3 E11), and where an engine's default changed beneath a feed that had relied on it
    (Innovar-Healthcare/BridgeLink#188).

    Touches `rate` of the patients, of these the ones whose name has letters beyond ASCII.
    """

    rate: float = 0.3

    def applies(self, person: Any) -> bool:
        """Only names with letters beyond ASCII can be told apart."""
        return not (person.family + "".join(person.given) + person.preferred).isascii()

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The Patient's names as Windows-1252 octets (held as lone surrogates until rendered)."""
        return [
            resource | {"name": _as_octets(resource["name"])}
            if resource["resourceType"] == "Patient" and "name" in resource
            else resource
            for resource in chart
        ]


def _as_octets(value: Any) -> Any:
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("cp1252", "replace").decode("ascii", "surrogateescape")
    if isinstance(value, list):
        return [_as_octets(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_octets(item) for key, item in value.items()}
    return value
