"""Records in HealtheIntent's form: codings by OID, what the source called them, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codings, text_of
from mockehr.personalities.people import main_name

_OIDS: Final = {
    "http://snomed.info/sct": "2.16.840.1.113883.6.96",
    "http://loinc.org": "2.16.840.1.113883.6.1",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "2.16.840.1.113883.6.88",
    "http://hl7.org/fhir/sid/icd-10-cm": "2.16.840.1.113883.6.90",
    "http://hl7.org/fhir/sid/cvx": "2.16.840.1.113883.12.292",
}
PLURALS: Final[Mapping[str, str]] = MappingProxyType(
    {"allergy": "allergies", "condition": "conditions", "encounter": "encounters", "immunization": "immunizations"}
)
"""API → its list below a patient."""


def concept(told: Any) -> JSON:
    """A CodeableConcept: `codings` with OIDs, `sourceCodings`, `concepts` and a text."""
    made = [
        {"system": _OIDS[one["system"]], **{name: one[name] for name in ("code", "display") if name in one}}
        for one in codings(told)
        if one.get("system") in _OIDS
    ]
    return {"codings": made, "sourceCodings": [], "concepts": [], "text": text_of(told)}


def _entry(told: JSON, partition: str) -> JSON:
    visit = str(told.get("encounter", {}).get("reference", "")).rpartition("/")[2]
    return {
        "id": told["id"],
        "sourceIdentifier": {"dataPartitionId": partition, "id": told["id"]},
        **({"encounter": {"id": visit}} if visit else {}),
    }


def _plain(told: JSON) -> JSON:
    """Without what is not known."""
    return {name: value for name, value in told.items() if value not in ("", None, [], {})}


def allergy(told: JSON, partition: str) -> JSON:
    """An allergy: what, how bad, since when, and what it did."""
    reactions = [
        _plain({"reaction": concept(one["manifestation"][0]), "severity": one.get("severity")})
        for one in told.get("reaction", ())
        if one.get("manifestation")
    ]
    return {
        **_entry(told, partition),
        **_plain(
            {
                "assertedOn": told.get("recordedDate"),
                "onset": told.get("onsetDateTime"),
                "status": code_in(told.get("clinicalStatus")),
                "type": told.get("type"),
                "category": next(iter(told.get("category", ())), ""),
                "criticality": told.get("criticality"),
                "reactions": reactions,
                "notes": [one["text"] for one in told.get("note", ()) if "text" in one],
            }
        ),
        "code": concept(told.get("code")),
    }


def condition(told: JSON, partition: str) -> JSON:
    """A problem or diagnosis."""
    return {
        **_entry(told, partition),
        **_plain(
            {
                "assertedOn": told.get("recordedDate"),
                "onset": told.get("onsetDateTime"),
                "resolvedOn": told.get("abatementDateTime"),
                "status": code_in(told.get("clinicalStatus")),
                "classification": code_in(told.get("category")),
            }
        ),
        "code": concept(told.get("code")),
    }


def encounter(told: JSON, partition: str) -> JSON:
    """A visit."""
    period = told.get("period", {})
    kinds = told.get("type", ())
    return {
        **_entry(told, partition),
        **_plain(
            {
                "status": told.get("status"),
                "classification": told.get("class", {}).get("code"),
                "startDate": period.get("start"),
                "endDate": period.get("end"),
            }
        ),
        "type": concept(kinds[0] if kinds else {}),
    }


def immunization(told: JSON, partition: str) -> JSON:
    """A vaccination."""
    return {
        **_entry(told, partition),
        **_plain({"status": told.get("status"), "administrationDate": told.get("occurrenceDateTime")}),
        "code": concept(told.get("vaccineCode")),
    }


def demographics(told: JSON, partition: str, key: Callable[..., bytes]) -> JSON:
    """Who one source says that a patient is."""
    name = main_name(told)
    texts: dict[str, list[JSON]] = {"races": [], "ethnicities": []}
    birth_sex = ""
    for one in told.get("extension", ()):
        url = str(one.get("url", ""))
        if url.endswith("us-core-birthsex"):
            birth_sex = str(one.get("valueCode", ""))
        for plural, ending in (("races", "us-core-race"), ("ethnicities", "us-core-ethnicity")):
            shown = next((str(p["valueString"]) for p in one.get("extension", ()) if "valueString" in p), "")
            if url.endswith(ending) and shown:
                texts[plural].append({"text": shown})
    number = next((str(one["value"]) for one in told.get("identifier", ()) if one.get("value")), "")
    return _plain(
        {
            "id": (key("demographics", told["id"]) + key("demographics more", told["id"]))[:32].hex(),
            "sourceIdentifier": {"dataPartitionId": partition, "id": number},
            "names": [{"givenNames": list(name.get("given", ())), "familyNames": [name.get("family", "")]}],
            "birthDate": told.get("birthDate"),
            "birthSex": birth_sex,
            "maritalStatus": text_of(told.get("maritalStatus")) if told.get("maritalStatus") else "",
            **texts,
        }
    )


SHOWN: Final[Mapping[str, tuple[str, Callable[[JSON, str], JSON]]]] = MappingProxyType(
    {
        "allergy": ("AllergyIntolerance", allergy),
        "condition": ("Condition", condition),
        "encounter": ("Encounter", encounter),
        "immunization": ("Immunization", immunization),
    }
)
"""API → type of record, and how it is shown."""
