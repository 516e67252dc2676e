"""Where the name stands that a patient wants to be called by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockehr.core.exchange import JSON, Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.shown import change_resources, document_of, show

PLACES = ("usual", "extension", "name-extension")
PREFERRED = "https://ehr.example.org/StructureDefinition/preferred-name"


@quirk(
    "preferred-name", family="record", ledger=("D3",), channels=("fhir",), interactions=("read", "vread", "search")
)
@dataclass(frozen=True, slots=True)
class PreferredName:
    """What a patient wants to be called moves out of `Patient.name[use=nickname]` to another `place`: the given names
    of a `usual` name, an `extension` of the patient, or a `name-extension` of the official name (`url` names either).

    FHIR R4 valueset-name-use.html has `nickname` for it; the ledger (D3) tells of hospitals three miles apart that do
    it differently. Patients without a nickname are shown as they are.

    Seen: Epic repeats the official name as `usual`, and has `nickname` where there is a preferred name (the-map;
    vendors-epic-oracle.md A2.5); athenahealth's ADT has it in PID-9 (vendors-others.md 1.10). A vendor's extension
    for it is not on record. Coping: look in all of these, and keep what was found in one place of one's own; the
    truth has it in `name[use=nickname]`. The entry notes `preferred_names` by `Patient/id`.
    """

    place: str = "extension"
    url: str = PREFERRED

    def __post_init__(self) -> None:
        one_of("place", self.place, PLACES)

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Move the name wherever a patient is shown."""
        document = document_of(exchange)
        found: dict[str, str] = {}
        changed = change_resources(document, lambda one: self._moved(one, found)) if document is not None else []
        if document is None or not changed:
            act.leave("no patient with a nickname")
            return
        show(exchange, document)
        exchange.notes["preferred_names"] = found
        act.why = f"{self.place}: {', '.join(changed[:5])}"

    def _moved(self, resource: JSON, found: dict[str, str]) -> JSON:
        names = resource.get("name") if resource.get("resourceType") == "Patient" else None
        if not isinstance(names, list):
            return resource
        wished = next((one for one in names if isinstance(one, dict) and one.get("use") == "nickname"), None)
        rest = [one for one in names if one is not wished]
        called = _called(wished) if wished is not None else ""
        if not called or not rest or not isinstance(rest[0], dict):
            return resource
        found[f"Patient/{resource.get('id', '')}"] = called
        told = {"url": self.url, "valueString": called}
        if self.place == "extension":
            return {**resource, "name": rest, "extension": [*resource.get("extension", ()), told]}
        if self.place == "name-extension":
            first = {**rest[0], "extension": [*rest[0].get("extension", ()), told]}
            return {**resource, "name": [first, *rest[1:]]}
        others = [one for one in rest if one.get("use") != "usual"]
        kept = {key: value for key, value in rest[0].items() if key in ("family", "suffix")}
        return {**resource, "name": [*others, {"use": "usual", **kept, "given": [called]}]}


def _called(name: dict[str, Any]) -> str:
    given = name.get("given") or ()
    return str(given[0]) if given and given[0] else str(name.get("text", ""))
