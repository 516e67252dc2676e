"""Other codes for what charts hold: classes of drugs, SNOMED CT, ICD-9-CM, risk categories. Sources: notes.md.

Single codes only, of what mockehr's charts have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import coding
from mockehr.population.chart.codes import ICD9, ICD10, SNOMED, table

NDFRT: Final = "http://hl7.org/fhir/ndfrt"
_HCC: Final = "http://terminology.hl7.org/CodeSystem/cmshcc"
_RXHCC: Final = "http://terminology.hl7.org/CodeSystem/cmsrxhcc"

SUBSTANCES: Final[Mapping[str, tuple[str, str, str, str]]] = MappingProxyType(
    {
        # RxNorm ingredient → class of NDF-RT, its name, substance of SNOMED CT, its name
        "7980": ("N0000011281", "Penicillins", "323389000", "Benzylpenicillin"),
        "723": ("N0000011281", "Penicillins", "372687004", "Amoxicillin"),
        "10180": ("N0000175503", "Sulfonamide Antibacterial", "363528007", "Sulfamethoxazole"),
        "5640": ("N0000175722", "Nonsteroidal Anti-inflammatory Drug", "387207008", "Ibuprofen"),
        "1191": ("N0000175722", "Nonsteroidal Anti-inflammatory Drug", "387458008", "Aspirin"),
        "2670": ("N0000175690", "Opioid Agonist", "387494007", "Codeine"),
        "29046": ("N0000175562", "Angiotensin Converting Enzyme Inhibitor", "386873009", "Lisinopril"),
    }
)

_CLINICAL: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "D50.9": ("87522002", "Iron deficiency anemia"),
        "E03.9": ("40930008", "Hypothyroidism"),
        "E11.65": ("368051000119109", "Hyperglycemia due to type 2 diabetes mellitus"),
        "E11.9": ("44054006", "Type 2 diabetes mellitus"),
        "E66.9": ("414916001", "Obesity"),
        "E78.00": ("267432004", "Pure hypercholesterolemia"),
        "E78.2": ("267434003", "Mixed hyperlipidemia"),
        "E78.5": ("55822004", "Hyperlipidemia"),
        "F32.9": ("35489007", "Depressive disorder"),
        "F33.1": ("66344007", "Recurrent major depression"),
        "F41.1": ("21897009", "Generalized anxiety disorder"),
        "H66.91": ("65363002", "Otitis media"),
        "I10": ("59621000", "Essential hypertension"),
        "I48.0": ("282825002", "Paroxysmal atrial fibrillation"),
        "I48.91": ("49436004", "Atrial fibrillation"),
        "J02.0": ("43878008", "Streptococcal sore throat"),
        "J06.9": ("54150009", "Upper respiratory infection"),
        "J18.9": ("233604007", "Pneumonia"),
        "J20.9": ("10509002", "Acute bronchitis"),
        "J30.2": ("367498001", "Seasonal allergic rhinitis"),
        "J44.1": ("195951007", "Acute exacerbation of chronic obstructive airways disease"),
        "J44.9": ("13645005", "Chronic obstructive lung disease"),
        "J45.20": ("427679007", "Mild intermittent asthma"),
        "J45.40": ("427295004", "Moderate persistent asthma"),
        "K21.9": ("235595009", "Gastroesophageal reflux disease"),
        "K80.20": ("266474003", "Calculus in biliary tract"),
        "M16.11": ("239872002", "Osteoarthritis of hip"),
        "M17.11": ("239873007", "Osteoarthritis of knee"),
        "M17.12": ("239873007", "Osteoarthritis of knee"),
        "N18.30": ("433144002", "Chronic kidney disease stage 3"),
        "N18.31": ("700378005", "Chronic kidney disease stage 3A"),
        "N18.32": ("700379002", "Chronic kidney disease stage 3B"),
        "N39.0": ("68566005", "Urinary tract infectious disease"),
    }
)
"""ICD-10-CM → SNOMED CT."""
_RISKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        # ICD-10-CM → category of CMS-HCC (V24) and of RxHCC (V05), empty for none
        "E03.9": ("", "42"),
        "E11.65": ("18", "30"),
        "E11.9": ("19", "31"),
        "E78.00": ("", "45"),
        "E78.2": ("", "45"),
        "E78.5": ("", "45"),
        "F33.1": ("59", "132"),
        "I10": ("", "187"),
        "I48.0": ("96", "193"),
        "I48.91": ("96", "193"),
        "J44.1": ("111", "226"),
        "J44.9": ("111", "226"),
        "J45.20": ("", "226"),
        "J45.40": ("", "226"),
        "N18.30": ("138", "263"),
        "N18.31": ("138", "263"),
        "N18.32": ("138", "263"),
    }
)


def diagnosis_codings(code: str, display: str, *, chosen: bool) -> list[JSON]:
    """The codings of a diagnosis by its ICD-10-CM code: `chosen` by somebody for the problem list, or of a visit."""
    clinical = _CLINICAL.get(code)
    snomed = [coding(SNOMED, *clinical)] if clinical is not None else []
    row = table("icd10cm").get(code)
    nine = [coding(ICD9, row["icd9cm"], table("icd9cm")[row["icd9cm"]]["display"])] if row is not None else []
    risks = zip((_HCC, _RXHCC), _RISKS.get(code, ("", "")), strict=True)
    more = [coding(system, category) for system, category in risks if category]
    if chosen:
        return [coding(ICD10, code, display, userSelected=True), *snomed, *nine, *more]
    return [coding(ICD10, code, display), *nine, *snomed, *more]
