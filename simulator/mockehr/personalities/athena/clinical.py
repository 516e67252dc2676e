"""athenahealth's clinical records. Sources: notes.md."""

from __future__ import annotations

import base64
from html import escape
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena.look import STRUCTURES, Look, absent, shown
from mockehr.personalities.concepts import code_in, codes_of, codings, drop
from mockehr.personalities.dates import day_of
from mockehr.personalities.ids import place_of

SECTION_CODES: Final = "https://hl7.org/fhir/valueset-doc-section-codes.html"
"""What stands where the system of a document's type should."""
_ABSENT_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_PANELS: Final = frozenset({"85354-9", "55284-4"})
_INTERPRETATIONS: Final = {
    "H": "above high normal",
    "HH": "above upper panic limits",
    "L": "below low normal",
    "LL": "below lower panic limits",
    "A": "abnormal",
    "N": "normal",
}
_FLAVOURS: Final = {"encounter-diagnosis": "encounter-diagnosis", "health-concern": "health-concern"}


def observation_flavour(resource: JSON) -> str:
    """What the token of an Observation's id shows."""
    categories, codes = codes_of(resource.get("category")), codes_of(resource.get("code"))
    if "vital-signs" in categories:
        return "blood-pressure" if codes & _PANELS else "vital-signs"
    if "laboratory" in categories:
        return "laboratory"
    if "72166-2" in codes:
        return "smoking-status"
    return "occupation" if "11341-5" in codes else "social-history"


def condition_flavour(resource: JSON) -> str:
    """Of a visit, of the problem list, or of a plan."""
    categories = codes_of(resource.get("category"))
    return next((flavour for code, flavour in _FLAVOURS.items() if code in categories), "problem-list-item")


def document_flavour(resource: JSON) -> str:
    """A laboratory's report, a history, or another note."""
    code = code_in(resource.get("type"))
    if code in ("11502-2", "LP29693-6"):
        return "laboratory"
    return "history" if code == "34117-2" else "note"


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """Laboratory results without units of UCUM and with ranges as texts; no `meta`."""
    made["identifier"] = [look.own_identifier("observation", made)]
    for category in made.get("category", ()):
        category.pop("text", None)
    if observation_flavour(clean) == "laboratory":
        _plain_value(made)
        made["referenceRange"] = [{"text": _range(one)} for one in made.get("referenceRange", ()) if _range(one)]
        drop(made, "encounter")
    made["interpretation"] = [
        {"text": _INTERPRETATIONS.get(code_in(one), str(one.get("text", "")).lower())}
        for one in made.get("interpretation", ())
        if code_in(one) != "N"
    ]
    drop(made, "issued", "performer", "specimen", "basedOn", "method", "bodySite", "meta")
    return {name: value for name, value in made.items() if value != []}


def _plain_value(made: JSON) -> None:
    quantity = made.get("valueQuantity")
    if isinstance(quantity, dict):
        made["valueQuantity"] = {key: quantity[key] for key in ("unit", "value", "comparator") if key in quantity}


def _range(told: JSON) -> str:
    """`97-108`, `<5` or `>60`."""
    low, high = (told.get(end, {}).get("value") for end in ("low", "high"))
    if low is not None and high is not None:
        return f"{low:g}-{high:g}"
    if low is not None:
        return f">{low:g}"
    return f"<{high:g}" if high is not None else str(told.get("text", ""))


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """An identifier without a system; diagnoses of a visit have no clinical status."""
    made["identifier"] = [look.own_identifier("", made)]
    for name in ("clinicalStatus", "verificationStatus", "code"):
        if isinstance(made.get(name), dict):
            shown(made[name])
    flavour = condition_flavour(clean)
    if flavour == "encounter-diagnosis":
        made["category"] = [_spelled(one, "Encounter Diagnosis") for one in made.get("category", ())]
        drop(made, "clinicalStatus", "abatementDateTime")
    elif flavour == "problem-list-item":
        kind = {"text": "Problem"}
        url = STRUCTURES + "ah-condition-problem-type-category"
        made["extension"] = [{"url": url, "valueCodeableConcept": kind}]
    if flavour != "problem-list-item":
        made.pop("extension", None)
    drop(made, "recorder", "asserter", "note")
    return made


def _spelled(category: JSON, text: str) -> JSON:
    for one in codings(category):
        one["display"] = text
    category["text"] = text
    return category


def shape_allergy(made: JSON, clean: JSON, look: Look) -> JSON:
    """No `meta`, no identifier; reactions by code, with a word for people beside it."""
    for name in ("clinicalStatus", "verificationStatus"):
        if isinstance(made.get(name), dict):
            shown(made[name])
    for reaction in made.get("reaction", ()):
        words = next((one.get("text", "") for one in reaction.get("manifestation", ())), "")
        reaction["manifestation"] = [
            {"coding": [{key: one[key] for key in ("code", "system") if key in one} for one in codings(told)]}
            if codings(told)
            else told
            for told in reaction.get("manifestation", ())
        ]
        if words:
            reaction.setdefault("description", words)
    if isinstance(made.get("onsetDateTime"), str):
        made["onsetDateTime"] = day_of(made["onsetDateTime"])
    drop(made, "identifier", "type", "criticality", "recorder", "asserter", "encounter", "note", "meta")
    return made


def mistaken_allergy(made: JSON) -> JSON:
    """The same as one that was entered in error, which has no clinical status."""
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
    coding = {"display": "Entered in error", "code": "entered-in-error", "system": system}
    drop(made, "clinicalStatus")
    made["verificationStatus"] = {"text": "Entered in error", "coding": [coding]}
    return made


def mistaken_report(made: JSON) -> JSON:
    """The same as one that was entered in error."""
    made["status"] = "entered-in-error"
    return made


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """Who leaves nowhere has a discharge disposition all the same: not applicable."""
    made["identifier"] = [look.own_identifier("encounter", made)]
    stay = made.setdefault("hospitalization", {})
    if "dischargeDisposition" not in stay:
        stay["dischargeDisposition"] = absent("not-applicable", "Not Applicable")
    departments = [_ordinal(one.get("location", {})) for one in clean.get("location", ())]
    made["extension"] = [look.of_department(one) for one in departments if one is not None]
    drop(made, "serviceType", "priority", "appointment", "statusHistory", "classHistory")
    return made


def _ordinal(reference: JSON) -> int | None:
    """The place in the directory that a clean reference names."""
    place = place_of(str(reference.get("reference", "")).rpartition("/")[2])
    return place[1] if place is not None and place[0] is None else None


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """Given here, or known of."""
    made["identifier"] = [look.own_identifier("immunization", made)]
    drop(made, "recorded", "meta")
    return made


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """Done here, or from the history."""
    made["identifier"] = [look.own_identifier("procedure", made)]
    drop(made, "category", "location", "reasonReference", "note", "report")
    return made


def shape_unnamed(made: JSON, clean: JSON, look: Look) -> JSON:
    """Plans, goals and teams: an identifier that has no system."""
    made["identifier"] = [look.own_identifier("", made)]
    return made


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """Without what interprets it, nor specimens."""
    made["category"] = [shown(one) for one in made.get("category", ())]
    drop(made, "identifier", "resultsInterpreter", "specimen", "basedOn", "meta")
    return made


def shape_plain(made: JSON, clean: JSON, look: Look) -> JSON:
    """As it is, without identifiers of the hospital's own."""
    drop(made, "identifier", "meta")
    return made


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """The text itself, as HTML; the system of the type is none."""
    made["identifier"] = [look.own_identifier("documentreference", made)]
    for one in codings(made.get("type")):
        one["system"] = SECTION_CODES
    unpublished = look.share("unpublished_share", str(made["id"]))
    contents: list[Any] = clean.get("content", [])
    made["content"] = [_content(one, look, unpublished=unpublished) for one in contents]
    drop(made, "authenticator", "docStatus", "masterIdentifier", "meta")
    return made


def _content(clean: JSON, look: Look, *, unpublished: bool) -> JSON:
    told = clean.get("attachment", {})
    attachment: JSON = {"contentType": "text/html"}
    if unpublished:
        attachment["_data"] = {"extension": [{"url": _ABSENT_EXTENSION, "valueCode": "masked"}]}
        return {"attachment": attachment}
    data = told.get("data")
    media = str(told.get("contentType", "text/plain"))
    if data is None:
        binary = look.dresser.neighbour(str(told.get("url", ""))) or {}
        data, media = binary.get("data"), str(binary.get("contentType", media))
    if data is not None and media.partition(";")[0] == "text/plain":
        data = base64.b64encode(_page(base64.b64decode(data).decode("utf-8", "replace")).encode()).decode()
    elif data is not None:
        attachment["contentType"] = media
    if data is not None:
        attachment["data"] = data
    return {"attachment": attachment}


def _page(text: str) -> str:
    return f"<html><body><pre>{escape(text)}</pre></body></html>"
