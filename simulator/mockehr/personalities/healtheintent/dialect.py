"""HealtheIntent: a REST API over what many systems told of a population, and no FHIR. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Sequence

from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.healtheintent.api import Population
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.proprietary import Api


class Vendor(Personality):
    """HealtheIntent."""

    ehr = False

    def ids(self, facts: SiteFacts) -> IdCodec:
        """GUIDs, for what the API shows."""
        return NumberedIds(facts.key, self.settings["ids"]["forms"])

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The patient, allergy, condition, encounter and immunization APIs."""
        return (Population(self.settings["healtheintent"], facts.key, str(self.settings["paths"]["fhir"])),)
