"""NextGen's encounters, procedures, prescriptions, immunizations, documents. Sources: notes.md, section Resources."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codes_of
from mockehr.personalities.inline import linked
from mockehr.personalities.nextgen.documents import MEDIA, form_of
from mockehr.personalities.nextgen.look import ABSENT, Look

ENCOUNTERS: Final = "http://www.nextgen.com"
CPT: Final = "http://www.ama-assn.org/go/cpt"
REASONS: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_CATEGORIES: Final = ("problem-list-item", "encounter-diagnosis", "health-concern")


def condition_flavour(resource: JSON) -> str:
    """Which of the four prefixes a Condition has; diagnoses that are over have one of their own."""
    categories = codes_of(resource.get("category"))
    found = next((name for name in _CATEGORIES if name in categories), "problem-list-item")
    over = codes_of(resource.get("clinicalStatus")) & {"resolved", "inactive"}
    return "past-diagnosis" if found == "encounter-diagnosis" and over else found


def observation_flavour(resource: JSON) -> str:
    """Results of the laboratory have ids of another form."""
    return "laboratory" if "laboratory" in codes_of(resource.get("category")) else ""


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """A type that is unknown, reasons that are codings of nothing but a system."""
    for one in made.get("identifier", ()):
        one.pop("type", None)
        one["system"] = ENCOUNTERS
    made["type"] = [{"coding": [{"system": ABSENT, "code": "unknown", "display": "Unknown"}]}]
    for reason in made.get("reasonCode", ()):
        reason["coding"] = [{"system": REASONS}]
    return made


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """Some carry a drug's HCPCS code, as if it were one of CPT."""
    hcpcs = look.tables["hcpcs"]
    if look.drawn("hcpcs", str(clean["id"])) < float(look.tables["hcpcs_share"]) and "code" in made:
        made["code"] = {**made["code"], "coding": [{"system": CPT, **hcpcs}, *made["code"].get("coding", ())]}
    return made


def shape_medication_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """The drug in it, as there is no Medication to refer to; directions with a blank too many between their parts."""
    drug = look.dresser.neighbour(str(clean.get("medicationReference", {}).get("reference", "")))
    if drug is not None:
        made.pop("medicationReference", None)
        made["medicationCodeableConcept"] = drug.get("code", {})
    for told in made.get("dosageInstruction", ()):
        if "text" in told:
            told["text"] = "  ".join(str(told["text"]).split(" ", 2))
    return made


def shape_immunization(made: JSON, clean: JSON, look: Look, flavour: str | None) -> JSON:
    """Those that were entered in error are shown like any other."""
    if flavour == "erroneous":
        made["status"] = "entered-in-error"
    return made


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """Nobody is its author; what it holds is to be fetched."""
    made.pop("identifier", None)
    nobody = str(look.tables["null_author"])
    if nobody:
        made["author"] = [{"reference": nobody, "display": "UNK"}]
        made["custodian"] = {"reference": nobody, "display": "UNK"}
    told = zip(made.get("content", ()), clean.get("content", ()), strict=True)
    made["content"] = [
        {**one, "attachment": _link(one["attachment"], was["attachment"], clean, look)} for one, was in told
    ]
    return made


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """What it says in full is to be fetched, too."""
    if "presentedForm" in made:
        told = zip(made["presentedForm"], clean["presentedForm"], strict=True)
        made["presentedForm"] = [_link(one, was, clean, look) for one, was in told]
    return made


def _link(attachment: JSON, was: JSON, clean: JSON, look: Look) -> JSON:
    """An attachment by the address of its document: `document/pdf-…`."""
    form, there = form_of(str(was.get("contentType", ""))), linked(was, clean)
    if not form or not there:
        return attachment
    id = look.dresser.id_of({"resourceType": "Binary", "id": there.partition("/")[2]}, form)
    kept: JSON = {name: attachment[name] for name in ("title", "creation") if name in attachment}
    return {"contentType": MEDIA[form], "url": look.absolute(f"document/{id}"), **kept}
