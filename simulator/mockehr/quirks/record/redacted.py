"""Records of which a part is kept back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.shown import change_resources, document_of, show

ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
OBSERVATION_VALUE: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
LABELS: Final = ("REDACTED", "SUBSETTED")
WAYS: Final = ("masked", "removed")


@quirk(
    "redacted",
    family="record",
    ledger=("D10",),
    channels=("fhir",),
    interactions=("read", "vread", "search", "search-compartment"),
)
@dataclass(frozen=True, slots=True)
class Redacted:
    """Some `elements` of a resource are kept back; `how`: `masked` with a data-absent-reason in their place, or
    `removed`. A `label` in `meta.security` (REDACTED) or a tag in `meta.tag` (SUBSETTED) says that this is not all.

    SUBSETTED is of FHIR R4 search.html#elements, REDACTED of v3-ObservationValue among the labels of
    resource.html#Meta, the reason `masked` of valueset-data-absent-reason.html.

    Seen: Veradigm shows what a user may not see marked as redacted (its documentation; vendors-others.md 5.1), Oracle
    Health blanks records entered in error for patients, Epic masks names of practitioners (vendors-epic-oracle.md
    B2.5, A2.5), ModMed tags DocumentReferences SUBSETTED (vendors-others.md 8). Coping: keep the fuller record that
    one may have, mark the other as partial, and never send a redacted resource back in an update.
    """

    elements: tuple[str, ...] = ("telecom", "address", "birthDate", "valueQuantity", "note")
    how: str = "masked"
    label: str = "REDACTED"

    def __post_init__(self) -> None:
        one_of("how", self.how, WAYS)
        one_of("label", self.label, LABELS)
        if not self.elements:
            raise ValueError("elements is empty; name one at least")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Keep those elements back."""
        document = document_of(exchange)
        changed = change_resources(document, self._less) if document is not None else []
        if document is None or not changed:
            act.leave("nothing in it to keep back")
            return
        show(exchange, document)
        exchange.notes["redacted"] = changed
        act.why = f"{self.how}: {', '.join(changed[:5])}"

    def _less(self, resource: JSON) -> JSON:
        if not any(name in resource for name in self.elements) or resource.get("resourceType") == "OperationOutcome":
            return resource
        made: JSON = {}
        for key, value in resource.items():
            if key not in self.elements:
                made[key] = value
            elif self.how == "masked":
                made |= _masked(key, value)
        return {**made, "meta": self._labelled(resource.get("meta"))}

    def _labelled(self, meta: Any) -> JSON:
        known = dict(meta) if isinstance(meta, dict) else {}
        place = "security" if self.label == "REDACTED" else "tag"
        coding = {"system": OBSERVATION_VALUE, "code": self.label, "display": self.label.lower()}
        return {**known, place: [*known.get(place, ()), coding]}


def _masked(name: str, value: Any) -> JSON:
    """The element with the reason in place of its value; that of a primitive goes beside it (json.html#primitive)."""
    reason = {"extension": [{"url": ABSENT, "valueCode": "masked"}]}
    if isinstance(value, list):
        return {name: [reason]} if value and isinstance(value[0], dict) else {f"_{name}": [reason]}
    return {name: reason} if isinstance(value, dict) else {f"_{name}": reason}
