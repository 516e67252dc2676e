"""The code tables of `corpora/codes/`, and the codings made of them.

Everything returned here is shared by all charts and must never be changed; whoever alters a chart copies it first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON

LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9: Final = "http://hl7.org/fhir/sid/icd-9-cm"
ICD10_PCS: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
US_CORE: Final = "http://hl7.org/fhir/us/core/"


@cache
def table(name: str) -> Mapping[str, Mapping[str, Any]]:
    """The rows of `corpora/codes/{name}.ndjson` by code, in the order of the file."""
    text = (data_root("corpora") / "codes" / f"{name}.ndjson").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return MappingProxyType({row["code"]: MappingProxyType(row) for row in rows})


def row(name: str, code: str) -> Mapping[str, Any]:
    """One row of a table; raises UnknownName if the table has no such code."""
    rows = table(name)
    if code not in rows:
        raise UnknownName(f"code in corpora/codes/{name}.ndjson", code, rows)
    return rows[code]


@cache
def concept(system: str, code: str, display: str = "", text: str = "") -> JSON:
    """A CodeableConcept with one coding; `text` falls back to the display."""
    made: JSON = {"coding": [coding(system, code, display)]}
    if text or display:
        made["text"] = text or display
    return made


@cache
def coding(system: str, code: str, display: str = "") -> JSON:
    """A Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


@cache
def loinc(code: str, text: str = "") -> JSON:
    """The CodeableConcept of a LOINC code of the table; `text` replaces the long name as its text."""
    return concept(LOINC, code, row("loinc", code)["display"], text)


@cache
def snomed(code: str, display: str) -> JSON:
    """The CodeableConcept of a single SNOMED CT code; there is no table of them on purpose (licence)."""
    return concept(SNOMED, code, display)


@cache
def hl7(system: str, code: str, display: str = "") -> JSON:
    """The CodeableConcept of a code of terminology.hl7.org, named by the last part of its system."""
    return concept(HL7 + system, code, display)


@cache
def diagnosis(code: str, *, older: bool = False) -> JSON:
    """The CodeableConcept of an ICD-10-CM code; with `older`, its ICD-9-CM code stands beside it."""
    entry = row("icd10cm", code)
    codings = [coding(ICD10, code, entry["display"])]
    if older:
        nine = entry["icd9cm"]
        codings.append(coding(ICD9, nine, row("icd9cm", nine)["display"]))
    return {"coding": codings, "text": entry["display"]}


@cache
def drug(code: str) -> JSON:
    """The CodeableConcept of a drug product: RxNorm, and NDC where the table has one."""
    return _product("rxnorm", RXNORM, code)


@cache
def vaccine(code: str) -> JSON:
    """The CodeableConcept of a vaccine: CVX, and NDC where the table has one."""
    return _product("cvx", CVX, code)


def _product(table: str, system: str, code: str) -> JSON:
    entry = row(table, code)
    codings = [coding(system, code, entry["display"])]
    if "ndc" in entry:
        codings.append(coding(NDC, entry["ndc"]))
    return {"coding": codings, "text": entry["display"]}


@cache
def operation(code: str) -> JSON:
    """The CodeableConcept of an ICD-10-PCS procedure."""
    return concept(ICD10_PCS, code, row("icd10pcs", code)["display"])


@cache
def unit(code: str) -> JSON:
    """The unit, system and code of a Quantity; put it beside a value: `{"value": 7.1} | unit("%")`."""
    return {"unit": row("ucum", code)["unit"], "system": UCUM, "code": code}


def quantity(value: float, code: str) -> JSON:
    """A Quantity in a UCUM unit of the table."""
    return {"value": value} | unit(code)


@cache
def meta(profile: str) -> JSON:
    """The `meta` of a resource of one US Core profile, named by its last part: `us-core-patient`."""
    return {"profile": [f"{US_CORE}StructureDefinition/{profile}"]}


@cache
def category(system: str, code: str, display: str) -> list[JSON]:
    """A `category` with one concept of terminology.hl7.org."""
    return [hl7(system, code, display)]
