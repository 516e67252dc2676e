"""Codes of HL7 tables against those of FHIR, both ways (facts from the v2-to-FHIR concept maps and the tables named).

Look-ups are plain mapping access. Where several codes mean one, the way back gives the first of them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_V2: Final = "http://terminology.hl7.org/CodeSystem/v2-"
IDENTIFIER_TYPE: Final = f"{_V2}0203"
DIAGNOSTIC_SECTION: Final = f"{_V2}0074"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MARITAL_STATUS: Final = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
ROLE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
LOCAL_AUTHORITY: Final = "http://example.org/authority/"
"""Prefix of the system of an identifier whose assigning authority is a mere name."""
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
UCUM: Final = "http://unitsofmeasure.org"
RACE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
OMB: Final = "urn:oid:2.16.840.1.113883.6.238"


def _backwards(table: dict[str, str]) -> MappingProxyType[str, str]:
    """Value to key, the first key winning."""
    return MappingProxyType({value: key for key, value in reversed(table.items())})


_GENDER: Final = {"M": "male", "F": "female", "U": "unknown", "O": "other", "A": "other", "N": "other"}
GENDER: Final = MappingProxyType(_GENDER)
"""Table 0001 to administrative-gender."""
SEX: Final = _backwards(_GENDER)

_CLASS: Final = {"I": "IMP", "O": "AMB", "E": "EMER", "P": "PRENC", "R": "AMB", "B": "OBSENC", "V": "VR", "H": "HH"}
ENCOUNTER_CLASS: Final = MappingProxyType(_CLASS)
"""PV1-2 (table 0004, and the V and H that sites add) to v3-ActCode."""
PATIENT_CLASS: Final = MappingProxyType({**_backwards(_CLASS), "ACUTE": "I", "NONAC": "I", "SS": "O"})

CLASS_WORDS: Final = MappingProxyType(
    {"INPATIENT": "I", "OUTPATIENT": "O", "EMERGENCY": "E", "PREADMIT": "P", "PREADMISSION": "P", "RECURRING": "R",
     "OBSERVATION": "B", "AMBULATORY": "O", "IP": "I", "OP": "O", "ER": "E", "ED": "E", "INP": "I", "OUT": "O"}
)  # fmt: skip
"""What peers write in PV1-2 in place of a code of table 0004."""
INPATIENT: Final = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
"""Classes of v3-ActCode in which a patient lies in a bed."""

_NAME_USE: Final = {"L": "official", "D": "usual", "N": "nickname", "M": "maiden", "B": "official", "A": "anonymous",
                    "T": "temp", "CURRENT": "official", "MAIDEN": "maiden", "PREVIOUS": "old"}  # fmt: skip
NAME_USE: Final = MappingProxyType(_NAME_USE)
"""XPN.7 (table 0200 and Millennium's words) to name-use."""
NAME_TYPE: Final = _backwards(_NAME_USE)

_ADDRESS_USE: Final = {"H": "home", "B": "work", "O": "work", "C": "temp", "P": "home", "L": "home", "BA": "old",
                       "HOME": "home", "BUSINESS": "work"}  # fmt: skip
ADDRESS_USE: Final = MappingProxyType(_ADDRESS_USE)
"""XAD.7 (table 0190 and Millennium's words) to address-use."""
ADDRESS_TYPE: Final = _backwards(_ADDRESS_USE)

PRIORITY: Final = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
_ADMISSION_TYPE: Final = {"E": "EM", "R": "R", "U": "UR", "C": "EL"}
ADMISSION_TYPE: Final = MappingProxyType(_ADMISSION_TYPE)
"""PV1-4 (table 0007) to v3-ActPriority."""
ADMISSION_PRIORITY: Final = _backwards(_ADMISSION_TYPE)

TELECOM_USE: Final = MappingProxyType(
    {"PRN": "home", "HOM": "home", "ORN": "home", "VHN": "home", "WPN": "work", "BUS": "work", "PRS": "mobile"}
)
"""XTN.2 (table 0201) to contact-point-use."""
TELECOM_SYSTEM: Final = MappingProxyType(
    {"PH": "phone", "CP": "phone", "FX": "fax", "BP": "pager", "Internet": "email"}
)
"""XTN.3 (table 0202) to contact-point-system."""

_TEXTS: Final = {
    "home": "home", "alternative home": "alt-home", "other healthcare facility": "other-hcf", "hospice": "hosp",
    "long-term care": "long", "left against advice": "aadvice", "expired": "exp", "psychiatric hospital": "psy",
    "rehabilitation": "rehab", "skilled nursing facility": "snf", "other": "oth",
}  # fmt: skip
DISPOSITIONS: Final = MappingProxyType(_TEXTS)
"""Names of discharge-disposition, in small letters, to its codes: for sites that show the name alone."""
ADMIT_SOURCES: Final = MappingProxyType(
    {
        "transferred from other hospital": "hosp-trans", "from accident/emergency department": "emd",
        "from outpatient department": "outp", "born in hospital": "born", "general practitioner referral": "gp",
        "medical practitioner/physician referral": "mp", "from nursing home": "nursing",
        "from psychiatric hospital": "psych", "from rehabilitation facility": "rehab", "other": "other",
    }
)  # fmt: skip
"""Names of admit-source, in small letters, to its codes."""

_OBSERVATION_STATUS: Final = {"F": "final", "C": "corrected", "P": "preliminary", "U": "final", "R": "preliminary",
                              "S": "preliminary", "I": "registered", "X": "cancelled", "A": "amended",
                              "D": "entered-in-error", "W": "entered-in-error", "O": "registered"}  # fmt: skip
OBSERVATION_STATUS: Final = MappingProxyType(_OBSERVATION_STATUS)
"""OBX-11 (table 0085) to observation-status."""
RESULT_STATUS: Final = MappingProxyType({**_backwards(_OBSERVATION_STATUS), "entered-in-error": "W", "amended": "C"})

_REPORT_STATUS: Final = {"F": "final", "C": "corrected", "P": "preliminary", "A": "partial", "R": "partial",
                         "I": "registered", "O": "registered", "S": "registered", "X": "cancelled",
                         "M": "amended"}  # fmt: skip
REPORT_STATUS: Final = MappingProxyType(_REPORT_STATUS)
"""OBR-25 (table 0123) to diagnostic-report-status."""
ORDER_STATUS: Final = MappingProxyType(
    {**_backwards(_REPORT_STATUS), "partial": "A", "amended": "C", "appended": "C", "entered-in-error": "X"}
)

CODE_SYSTEMS: Final = MappingProxyType(
    {
        "LN": "http://loinc.org",
        "SCT": "http://snomed.info/sct",
        "UCUM": UCUM,
        "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
        "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
        "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "I10P": "http://www.cms.gov/Medicare/Coding/ICD10",
        "CVX": "http://hl7.org/fhir/sid/cvx",
        "MVX": "http://hl7.org/fhir/sid/mvx",
        "NCIT": "http://ncicb.nci.nih.gov/xml/owl/EVS/owl",
        "NDC": "http://hl7.org/fhir/sid/ndc",
        "CDCREC": OMB,
    }
)
"""Table 0396 (coding systems, the third component of a CE or CWE) to FHIR system URIs."""
SYSTEM_CODES: Final = MappingProxyType({uri: code for code, uri in CODE_SYSTEMS.items()})
_OWN_TABLE: Final = "HL7"


def system_of(code: str) -> str:
    """The FHIR URI for a coding system of table 0396; a v2 table for `HL7nnnn`; empty for a local one."""
    known = CODE_SYSTEMS.get(code.upper())
    if known:
        return known
    if code.startswith(_OWN_TABLE) and code[3:].isdigit():
        return f"{_V2}{code[3:]}"
    return ""


def code_of_system(uri: str) -> str:
    """The coding system for CE.3: of table 0396, `HL7nnnn` for a v2 table, else `L` (local)."""
    if uri.startswith(_V2):
        return _OWN_TABLE + uri.removeprefix(_V2)
    return SYSTEM_CODES.get(uri, "L")
