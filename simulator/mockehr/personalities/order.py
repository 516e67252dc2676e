"""The order of elements in FHIR R4's resource definitions, for the types to which a personality adds elements.

Source: hl7.org/fhir/R4, one page per resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON

_HEAD: Final = "resourceType id meta implicitRules language text contained extension modifierExtension "

_TYPES: Final = {
    "Patient": "identifier active name telecom gender birthDate deceasedBoolean deceasedDateTime address"
    " maritalStatus"
    " multipleBirthBoolean multipleBirthInteger photo contact communication generalPractitioner managingOrganization"
    " link",
    "Encounter": "identifier status statusHistory class classHistory type serviceType priority subject episodeOfCare"
    " basedOn participant appointment period length reasonCode reasonReference diagnosis account hospitalization"
    " location serviceProvider partOf",
    "Condition": "identifier clinicalStatus verificationStatus category severity code bodySite subject encounter"
    " onsetDateTime onsetPeriod onsetString abatementDateTime abatementPeriod abatementString recordedDate recorder"
    " asserter stage evidence note",
    "Observation": "identifier basedOn partOf status category code subject focus encounter effectiveDateTime"
    " effectivePeriod issued performer valueQuantity valueCodeableConcept valueString valueBoolean valueInteger"
    " valueRange valueRatio valueTime valueDateTime valuePeriod dataAbsentReason interpretation note bodySite method"
    " specimen device referenceRange hasMember derivedFrom component",
    "DiagnosticReport": "identifier basedOn status category code subject encounter effectiveDateTime effectivePeriod"
    " issued performer resultsInterpreter specimen result imagingStudy media conclusion conclusionCode presentedForm",
    "DocumentReference": "masterIdentifier identifier status docStatus type category subject date author"
    " authenticator custodian relatesTo description securityLabel content context",
    "MedicationRequest": "identifier status statusReason intent category priority doNotPerform reportedBoolean"
    " reportedReference medicationCodeableConcept medicationReference subject encounter supportingInformation"
    " authoredOn requester performer performerType recorder reasonCode reasonReference basedOn courseOfTherapyType"
    " insurance note dosageInstruction dispenseRequest substitution priorPrescription",
    "Immunization": "identifier status statusReason vaccineCode patient encounter occurrenceDateTime occurrenceString"
    " recorded primarySource reportOrigin location manufacturer lotNumber expirationDate site route doseQuantity"
    " performer note reasonCode reasonReference isSubpotent education programEligibility fundingSource reaction"
    " protocolApplied",
    "Procedure": "identifier instantiatesUri basedOn partOf status statusReason category code subject encounter"
    " performedDateTime performedPeriod recorder asserter performer location reasonCode reasonReference bodySite"
    " outcome report complication followUp note focalDevice usedReference usedCode",
    "AllergyIntolerance": "identifier clinicalStatus verificationStatus type category criticality code patient"
    " encounter onsetDateTime onsetString recordedDate recorder asserter lastOccurrence note reaction",
    "ServiceRequest": "identifier basedOn requisition status intent category priority code quantityQuantity subject"
    " encounter occurrenceDateTime occurrencePeriod asNeededBoolean authoredOn requester performer reasonCode"
    " reasonReference specimen note",
}

ELEMENTS: Final = MappingProxyType({name: tuple((_HEAD + names).split()) for name, names in _TYPES.items()})
"""Resource type to its elements in order."""

HEAD: Final = tuple(_HEAD.split())
"""The elements that every resource starts with."""


def _shuffled(resource: JSON, key: Callable[..., bytes]) -> JSON:
    """Its keys in an order that is this resource's own, those of its parts too."""
    return _mixed(resource, Stream(key("order", str(resource["resourceType"]), str(resource.get("id", "")))))


def _mixed(node: Mapping[str, Any], stream: Stream) -> JSON:
    names = stream.sample(list(node), len(node))
    return {name: _mixed_value(node[name], stream) for name in names}


def _mixed_value(value: Any, stream: Stream) -> Any:
    if isinstance(value, dict):
        return _mixed(value, stream)
    return [_mixed_value(one, stream) for one in value] if isinstance(value, list) else value


def _type_last(resource: JSON, key: Callable[..., bytes]) -> JSON:
    made = {name: value for name, value in resource.items() if name != "resourceType"}
    return made | {"resourceType": resource["resourceType"]}


ORDERS: Final[Mapping[str, Callable[[JSON, Callable[..., bytes]], JSON] | None]] = MappingProxyType(
    {"standard": None, "shuffled": _shuffled, "type-last": _type_last}
)
"""Setting `shape.order` → what it makes of a dressed resource."""
