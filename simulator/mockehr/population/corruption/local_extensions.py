"""Extensions that nobody has defined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import reworded_chart

ROOT: Final = "https://ehr.example.org/fhir/ext/"
"""Where the site's own extensions would be defined if anybody had; nothing is there."""
SHORT: Final = ("vip-flag", "pop-health-cohort", "legacy-chart-no")


@corruption("local-extensions", ledger=("E8",))
@dataclass(frozen=True, slots=True)
class LocalExtensions:
    """Some records have extensions of the site's own, ahead of all others, nested and without a definition.

    What the client sees: `extension[0]` with a `url` that leads nowhere, extensions in it that have extensions in
    turn, one with a relative `url` at the top, and extensions on the Patient's name. Coping: look extensions up by
    `url`, never by position, leave unknown ones unread, and keep the record (R4, extensibility.html: that it has
    extensions is no reason to refuse it).

    Seen at Epic and athenahealth, which have many of their own (vendors-epic-oracle.md A2.4; vendors-others.md 1.2).
    Relative addresses are no vendor's on record, nor is a place ahead of all others, which FHIR R4 allows.

    The Patient of `rate` of the patients, and `share` of their records.
    """

    rate: float = 0.2
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with such extensions."""
        return reworded_chart(chart, _extended, dice, self.share)


def _extended(resource: JSON, dice: Stream) -> JSON:
    number = dice.between(100, 999)
    inner = [{"url": "rank", "valueInteger": number % 7}, {"url": "note", "valueString": f"row {number}"}]
    nested: JSON = {"url": f"{ROOT}custom-form", "extension": [{"url": f"f{number}", "extension": inner}]}
    flat: JSON = {"url": dice.choice(SHORT), "valueString": f"C-{number}"}
    made: JSON = {"extension": [nested, flat, *(resource.get("extension") or ())]}
    names = resource.get("name")
    if resource["resourceType"] == "Patient" and isinstance(names, list) and names and isinstance(names[0], dict):
        told = {"url": f"{ROOT}name-verified", "valueCode": "Y"}
        made["name"] = [{**names[0], "extension": [told, *(names[0].get("extension") or ())]}, *names[1:]]
    return resource | made
