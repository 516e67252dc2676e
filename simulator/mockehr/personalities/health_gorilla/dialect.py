"""How Health Gorilla speaks: its ids and record numbers. Sources: notes.md."""

from __future__ import annotations

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality


class Vendor(Personality):
    """Health Gorilla."""

    def ids(self, facts: SiteFacts) -> IdCodec:
        """24 hexadecimal digits."""
        return NumberedIds(facts.key, {}, default="{hex}")

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """Record numbers under the network's own system."""
        for identifier in made.get("identifier", ()) if clean["resourceType"] == "Patient" else ():
            codes = [coding.get("code") for coding in identifier.get("type", {}).get("coding", ())]
            if "MR" in codes:
                identifier["system"] = self.settings["identifiers"]["record_number"]
        return super().shape(made, clean, dresser, flavour)
