"""What eClinicalWorks makes of clinical resources and of who and where. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codes_of, coding, drop
from mockehr.personalities.ecw.look import Look, absent

YEAR_ONE: Final = "0001-01-02"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_NDC: Final = "http://hl7.org/fhir/sid/ndc"


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """The second day of our era for a date that nobody entered; a reason for some lot numbers; dashes in an NDC."""
    own = str(clean.get("id", ""))
    if "expirationDate" not in made and look.falls("year_one", own):
        made["expirationDate"] = YEAR_ONE
    if "lotNumber" not in made or look.falls("lot_unknown", own):
        made.pop("lotNumber", None)
        made["_lotNumber"] = absent("unknown")
    dash_codes(made.get("vaccineCode"))
    return made


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """Some are in preparation: not performed, which is the reason why there is no date."""
    if isinstance(made.get("performedPeriod"), dict):
        start = made.pop("performedPeriod").get("start")
        if start:
            made["performedDateTime"] = start
    if look.falls("not_performed", str(clean.get("id", ""))):
        made["status"] = "preparation"
        made.pop("performedDateTime", None)
        made["_performedDateTime"] = absent("not-performed")
    elif "performedDateTime" not in made:
        made["_performedDateTime"] = absent("unknown")
    return made


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """Numbers of some analytes as texts, without their unit."""
    value = made.get("valueQuantity")
    laboratory = "laboratory" in codes_of(made.get("category"))
    number = value.get("value") if laboratory and isinstance(value, dict) else None
    if number is not None and look.falls("number_as_text", code_in(made.get("code"))):
        made["valueString"] = str(number)
        drop(made, "valueQuantity")
    return made


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """With a coding of the product's own."""
    _with_own_code(made.get("code"), "Condition", look)
    return made


def shape_medication_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """With a coding of the product's own, and dashes in an NDC."""
    drug = made.get("medicationCodeableConcept")
    dash_codes(drug)
    _with_own_code(drug, "MedicationRequest", look)
    return made


def shape_medication(made: JSON, clean: JSON, look: Look) -> JSON:
    """Dashes in an NDC."""
    dash_codes(made.get("code"))
    return made


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """The visit's number under the vendor's own arc."""
    made["identifier"] = _shared(made.get("identifier", ()), look) or [_own_number(made, clean, look)]
    return made


def shape_organization(made: JSON, clean: JSON, look: Look) -> JSON:
    """A number under the vendor's own arc; an NPI that is not told. Of `meta` only the profile."""
    identifiers = [_own_number(made, clean, look)]
    for one in made.get("identifier", ()):
        if one.get("system") != _NPI:
            continue
        told = look.tables["organization_npi"]
        identifiers.append(dict(one) if told else {"system": _NPI, "_value": absent("unknown")})
    made["identifier"] = identifiers
    return made


def shape_practitioner(made: JSON, clean: JSON, look: Look) -> JSON:
    """Several given names as one, with commas."""
    npi = [dict(one) for one in made.get("identifier", ()) if one.get("system") == _NPI]
    made["identifier"] = [_own_number(made, clean, look), *npi]
    for name in made.get("name", ()):
        if len(name.get("given", ())) > 1:
            name["given"] = [",".join(name["given"])]
    return made


def dash_codes(concept: JSON | None) -> None:
    """Write the NDCs of a concept in three parts, in place (5-4-2 of eleven digits)."""
    for one in (concept or {}).get("coding", ()):
        code = str(one.get("code", ""))
        if one.get("system") == _NDC and len(code) == 11 and code.isdigit():
            one["code"] = f"{code[:5]}-{code[5:9]}-{code[9:]}"


def _with_own_code(concept: JSON | None, kind: str, look: Look) -> None:
    system = look.tables["systems"].get(kind, "")
    codings = (concept or {}).get("coding")
    if not system or not codings:
        return
    first = codings[0]
    code = look.number("code", kind, str(first.get("code", "")))
    codings.append(coding(str(system), code, str(first.get("display", ""))))


def _shared(identifiers: Iterable[JSON], look: Look) -> list[JSON]:
    return [{**one, "system": str(look.systems["shared"])} for one in identifiers if one.get("value")]


def _own_number(made: JSON, clean: JSON, look: Look) -> JSON:
    number = look.number("record", str(made["resourceType"]), str(clean.get("id", "")))
    return {"use": "usual", "system": str(look.systems["shared"]), "value": number}
