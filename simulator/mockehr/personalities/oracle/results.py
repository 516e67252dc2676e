"""Oracle Health's observations, reports, documents and medication orders. Sources: notes.md."""

from __future__ import annotations

import base64
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import add_display, code_in, codes_of, codings, drop, text_of, with_text
from mockehr.personalities.dates import as_moment
from mockehr.personalities.inline import linked
from mockehr.personalities.oracle.look import HL7, Look, standard, standard_codings
from mockehr.personalities.oracle.orders import service_request

_LOINC: Final = "http://loinc.org"
_UCUM: Final = "http://unitsofmeasure.org"
_PANELS: Final = frozenset({"85354-9", "55284-4"})
_CATEGORIES: Final = {"vital-signs": "Vital Signs", "laboratory": "Laboratory", "social-history": "Social History",
                      "survey": "Survey", "LAB": "Laboratory", "RAD": "Radiology"}  # fmt: skip
_LAB_LOINC: Final = "LP29693-6"
_TRANSLATED: Final = {
    # UCUM code → other unit, its code, factor, offset
    "Cel": ("degF", "[degF]", 1.8, 32.0),
    "kg": ("lb", "[lb_av]", 2.2046226, 0.0),
    "cm": ("in", "[in_i]", 0.3937008, 0.0),
    "[degF]": ("degC", "Cel", 5 / 9, -160 / 9),
    "[lb_av]": ("kg", "kg", 0.4535924, 0.0),
    "[in_i]": ("cm", "cm", 2.54, 0.0),
}
_FORMAT: Final = {
    "system": "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem",
    "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
    "display": "mimeType Sufficient",
}


def observation_flavour(resource: JSON) -> str:
    """What the prefix of an Observation's id shows."""
    categories = codes_of(resource.get("category"))
    if "vital-signs" in categories:
        return "blood-pressure" if codes_of(resource.get("code")) & _PANELS else "vital-signs"
    return next((name for name in ("laboratory", "social-history") if name in categories), "")


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """Event codes of code set 72, moments with milliseconds, other units beside the value, nobody's names."""
    flavour = observation_flavour(clean)
    made["identifier"] = [look.record_id(made, clean)]
    made["category"] = [_category(one, selected=flavour == "laboratory") for one in made.get("category", ())]
    if flavour == "blood-pressure":
        with_text(made.get("code", {}))
    else:
        made["code"] = look.mapped("codeSet/72", made.get("code", {}))
    for component in made.get("component", ()):
        component["code"] = look.mapped("codeSet/72", component.get("code", {}))
    if isinstance(made.get("effectiveDateTime"), str):
        made["effectiveDateTime"] = as_moment(made["effectiveDateTime"], "millis")
    recorded = look.moment(clean, "millis")
    if recorded:
        made.setdefault("issued", recorded)
    made["performer"] = _performers(made, clean, flavour, look)
    if not made["performer"]:
        del made["performer"]
    if isinstance(made.get("valueQuantity"), dict) and flavour == "vital-signs":
        _translate(made["valueQuantity"])
    if codes_of(clean.get("interpretation")) == {"N"}:  # what is normal is not said to be
        drop(made, "interpretation")
    for interpretation in made.get("interpretation", ()):
        interpretation.update(look.mapped("codeSet/52", interpretation))
    for told in made.get("referenceRange", ()):
        _range(told)
    drop(made, "specimen", "basedOn", "method", *(("bodySite",) if flavour else ()))
    return made


def _performers(made: JSON, clean: JSON, flavour: str, look: Look) -> list[JSON]:
    """People alone; of some results from the laboratory who stands for them."""
    told = [_function(one) for one in made.get("performer", ()) if "Practitioner/" in one.get("reference", "")]
    dice = look.dresser.stream("oracle", "performer", str(clean.get("id", "")))
    if told or flavour != "laboratory" or not dice.chance(look.tables["signed_share"]):
        return told
    visit = look.dresser.neighbour(str(clean.get("encounter", {}).get("reference", "")))
    people = [one.get("individual", {}).get("reference") for one in (visit or {}).get("participant", ())]
    who = next((str(one) for one in people if one), "")
    return [_function({"reference": look.dresser.refer(who)})] if who.startswith("Practitioner/") else []


def _category(category: JSON, *, selected: bool) -> JSON:
    add_display(category, _CATEGORIES)
    if selected:
        for one in codings(category):
            one["userSelected"] = False
    return with_text(category)


def _function(performer: JSON) -> JSON:
    """A performer with what he did, before the reference."""
    function = {"coding": [{"system": HL7 + "v3-ParticipationType", "code": "LA", "display": "legal authenticator"}],
                "text": "legal authenticator"}  # fmt: skip
    url = "http://hl7.org/fhir/StructureDefinition/event-performerFunction"
    return {"extension": [{"valueCodeableConcept": function, "url": url}], **performer}


def _translate(quantity: JSON) -> None:
    other = _TRANSLATED.get(str(quantity.get("code", "")))
    value = quantity.get("value")
    if other is None or not isinstance(value, (int, float)):
        return
    unit, code, factor, offset = other
    translated = {"value": round(value * factor + offset, 1), "unit": unit, "system": _UCUM, "code": code}
    url = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
    told = dict(quantity)
    quantity.clear()
    quantity.update({"extension": [{"valueQuantity": translated, "url": url}], **told})


def _range(told: JSON) -> None:
    meaning = [{"system": HL7 + "referencerange-meaning", "code": "normal", "display": "Normal Range"}]
    told["type"] = {"coding": meaning, "text": "Normal Range"}
    drop(told, "text")


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """The record id, LAB beside LOINC, who interpreted it; a report with a text has periods and links."""
    made["identifier"] = [look.record_id(made, clean)]
    made["category"] = _report_categories(made.get("category", []))
    made["code"] = look.mapped("codeSet/72", made.get("code", {}))
    recorded = look.moment(clean, "seconds")
    if recorded:
        made.setdefault("issued", recorded)
    if "presentedForm" in made or not made.get("result"):
        _present(made, clean, look)
    else:
        at = made.get("effectiveDateTime")
        if isinstance(at, str):
            made["effectiveDateTime"] = as_moment(at, "seconds")
        made["performer"] = [
            _function({k: v for k, v in one.items() if k != "display"}) for one in made.get("performer", ())
        ]
        order = service_request(clean, look)
        if order is not None:
            made["basedOn"] = [{"reference": f"ServiceRequest/{order['id']}"}]
    drop(made, "specimen", "conclusion")
    return made


def _report_categories(categories: list[JSON]) -> list[JSON]:
    made = []
    for category in categories:
        code = code_in(category)
        with_text(add_display(category, _CATEGORIES))
        for one in codings(category):
            one["userSelected"] = code in ("LAB", "RAD")
        made.append(category)
    if "LAB" in codes_of(categories):
        made.append({"coding": [{"system": _LOINC, "code": _LAB_LOINC, "userSelected": False}]})
    return made


def _present(made: JSON, clean: JSON, look: Look) -> None:
    at = made.get("effectiveDateTime")
    if isinstance(at, str):
        made["effectivePeriod"] = {"start": as_moment(at, "millis"), "end": as_moment(at, "millis")}
        drop(made, "effectiveDateTime")
    if made.get("performer"):
        made.setdefault("resultsInterpreter", [dict(made["performer"][0])])
    for form in made.get("presentedForm", ()):
        title, created = (
            form.get("title") or text_of(made["code"]),
            form.get("creation") or look.moment(clean, "millis"),
        )
        media, data = form.get("contentType", "text/plain"), form.get("data")
        binary = {"resourceType": "Binary", "id": str(clean.get("id", "")), "contentType": media}
        where = look.absolute(f"Binary/{look.dresser.id_of(binary)}")
        form.clear()
        form.update({"contentType": media, "url": where, "title": title})
        if created:
            form["creation"] = as_moment(created, "millis")
        if data is None:
            del form["url"]


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """The tenant's event code, LOINC and US Core categories, each text also as XML, absolute URLs."""
    made["identifier"] = [look.record_id(made, clean)]
    made.setdefault("docStatus", "final")
    kind = made.get("type", {})
    loinc = [one for one in standard_codings(kind) if one.get("system") == _LOINC]
    made["type"] = look.mapped("codeSet/72", kind)
    categories = [standard(one) for one in made.get("category", ())]
    made["category"] = [*([{"coding": loinc}] if loinc else []), *categories]
    if made.get("author"):
        made.setdefault("authenticator", dict(made["author"][0]))
    recorded = look.moment(clean, "seconds")
    if recorded:
        made.setdefault("date", recorded)
    title = text_of(made["type"])
    contents: list[JSON] = []
    for told, original in zip(made.get("content", ()), clean.get("content", ()), strict=False):
        contents.extend(
            _contents(told.get("attachment", {}), original.get("attachment", {}), title, made, clean, look)
        )
    made["content"] = contents
    context = made.get("context")
    if isinstance(context, dict):
        drop(context, "practiceSetting", "facilityType", "event")
    drop(made, "description", "securityLabel", "masterIdentifier")
    return made


def _contents(attachment: JSON, clean: JSON, title: str, made: JSON, document: JSON, look: Look) -> list[JSON]:
    created = as_moment(str(attachment.get("creation") or made.get("date", "")), "millis")
    media = str(attachment.get("contentType", "text/plain")).partition(";")[0]
    forms = [(media, str(attachment.get("url", "")))]
    if told := linked(clean, document):
        binary = {"resourceType": "Binary", "id": told.partition("/")[2], "contentType": media}
        forms = [(media, f"Binary/{look.dresser.id_of(binary)}")]
        if media.startswith("text/"):
            forms.append(("application/xml", f"Binary/{look.dresser.id_of(binary, 'xml')}"))
    found = []
    for kind, where in forms:
        link: dict[str, Any] = {"contentType": kind}
        if where:
            link["url"] = look.absolute(where)
        link["title"] = attachment.get("title") or title
        if created:
            link["creation"] = created
        found.append({"attachment": link, "format": dict(_FORMAT)})
    return found


def shape_binary(made: JSON, clean: JSON, flavour: str | None) -> JSON:
    """The text itself, or wrapped in XML under its XML id."""
    if flavour == "xml" and "data" in clean:
        text = base64.b64decode(clean["data"]).decode("utf-8", "replace")
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<document><text>{escaped}</text></document>'
        made["contentType"] = "application/xml"
        made["data"] = base64.b64encode(body.encode()).decode()
    return made
