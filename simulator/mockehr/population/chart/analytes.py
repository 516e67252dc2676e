"""What the laboratory measures: LOINC code, unit, what is usual, and the panels that go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Analyte:
    """One measurement. `women` and `men` are usual values; `between` and `within` are the standard deviations between
    people and between two samples of one person; `low` and `high` bound the reference range (None: open) where
    `bounds` knows none of the sex."""

    name: str
    loinc: str
    unit: str
    decimals: int
    women: float
    men: float
    between: float
    within: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """What is reported together. `order` is the LOINC code of the report; `specimen` a key of SPECIMENS."""

    order: str
    analytes: tuple[str, ...]
    specimen: str = "blood"
    hours: float = 5.0
    """How long the laboratory takes."""


_ROWS: Final = (
    ("wbc", "6690-2", "10*3/uL", 1, 6.8, 6.8, 1.3, 0.7, 4.0, 11.0),
    ("rbc", "789-8", "10*6/uL", 2, 4.5, 5.0, 0.0, 0.0, 3.9, 5.7),
    ("hgb", "718-7", "g/dL", 1, 13.5, 15.0, 0.7, 0.25, 12.0, 17.0),
    ("hct", "4544-3", "%", 1, 40.5, 45.0, 0.0, 0.0, 36.0, 50.0),
    ("mcv", "787-2", "fL", 1, 90.0, 90.0, 3.0, 0.6, 80.0, 100.0),
    ("mch", "785-6", "pg", 1, 30.0, 30.0, 0.0, 0.0, 27.0, 33.0),
    ("mchc", "786-4", "g/dL", 1, 33.5, 33.6, 0.4, 0.25, 32.0, 36.0),
    ("rdw", "788-0", "%", 1, 13.2, 13.1, 0.5, 0.2, 11.5, 14.5),
    ("platelets", "777-3", "10*3/uL", 0, 265.0, 240.0, 42.0, 16.0, 150.0, 400.0),
    ("glucose", "2345-7", "mg/dL", 0, 92.0, 94.0, 6.0, 6.0, 70.0, 99.0),
    ("bun", "3094-0", "mg/dL", 0, 13.0, 15.0, 2.6, 1.6, 7.0, 20.0),
    ("creatinine", "2160-0", "mg/dL", 2, 0.76, 0.96, 0.1, 0.05, 0.5, 1.3),
    ("egfr", "98979-8", "mL/min/{1.73_m2}", 0, 95.0, 95.0, 0.0, 0.0, 60.0, None),
    ("sodium", "2951-2", "mmol/L", 0, 139.5, 139.8, 1.3, 1.0, 135.0, 145.0),
    ("potassium", "2823-3", "mmol/L", 1, 4.1, 4.2, 0.22, 0.16, 3.5, 5.1),
    ("chloride", "2075-0", "mmol/L", 0, 103.0, 103.0, 1.6, 1.2, 98.0, 107.0),
    ("co2", "2028-9", "mmol/L", 0, 25.0, 25.5, 1.4, 1.1, 21.0, 31.0),
    ("calcium", "17861-6", "mg/dL", 1, 9.4, 9.4, 0.25, 0.15, 8.5, 10.5),
    ("protein", "2885-2", "g/dL", 1, 7.1, 7.1, 0.3, 0.15, 6.0, 8.3),
    ("albumin", "1751-7", "g/dL", 1, 4.3, 4.4, 0.22, 0.1, 3.5, 5.0),
    ("bilirubin", "1975-2", "mg/dL", 1, 0.5, 0.7, 0.18, 0.1, 0.1, 1.2),
    ("alp", "6768-6", "U/L", 0, 70.0, 72.0, 15.0, 5.0, 35.0, 129.0),
    ("alt", "1742-6", "U/L", 0, 18.0, 24.0, 6.0, 3.5, 7.0, 55.0),
    ("ast", "1920-8", "U/L", 0, 19.0, 23.0, 4.0, 3.0, 8.0, 48.0),
    ("cholesterol", "2093-3", "mg/dL", 0, 190.0, 186.0, 0.0, 0.0, None, 200.0),
    ("tg", "2571-8", "mg/dL", 0, 105.0, 122.0, 30.0, 14.0, None, 150.0),
    ("hdl", "2085-9", "mg/dL", 0, 58.0, 48.0, 9.0, 3.0, 40.0, None),
    ("ldl", "13457-7", "mg/dL", 0, 110.0, 112.0, 20.0, 6.0, None, 130.0),
    ("a1c", "4548-4", "%", 1, 5.3, 5.3, 0.2, 0.1, 4.0, 5.6),
    ("tsh", "3016-3", "m[IU]/L", 2, 1.9, 1.8, 0.55, 0.25, 0.45, 4.5),
    ("ft4", "3024-7", "ng/dL", 2, 1.2, 1.2, 0.12, 0.06, 0.8, 1.8),
    ("uacr", "14959-1", "mg/g", 0, 9.0, 8.0, 3.0, 2.0, None, 30.0),
    ("inr", "6301-6", "{INR}", 1, 1.0, 1.0, 0.04, 0.03, 0.9, 1.1),
    ("ferritin", "2276-4", "ng/mL", 0, 62.0, 120.0, 18.0, 6.0, 13.0, 300.0),
)
ANALYTES: Final = {row[0]: Analyte(*row) for row in _ROWS}

_BY_SEX: Final = {
    # name: low and high of women, of men
    "hgb": ((12.0, 16.0), (13.5, 17.5)),
    "hct": ((36.0, 46.0), (41.0, 53.0)),
    "rbc": ((3.9, 5.2), (4.3, 5.9)),
    "creatinine": ((0.5, 1.1), (0.6, 1.3)),
    "ferritin": ((13.0, 150.0), (30.0, 400.0)),
}


def bounds(name: str, sex: str) -> tuple[float | None, float | None]:
    """The reference range of an analyte for adults of `sex` (`female` or `male`); None: open."""
    if name in _BY_SEX:
        return _BY_SEX[name][sex == "male"]
    return ANALYTES[name].low, ANALYTES[name].high


FINDINGS: Final = {
    # name: LOINC of a test that is positive or negative, share of positive ones
    # without it there is no such diagnosis
    "strep_ag": ("78012-2", 1.0),
    "esterase": ("5799-2", 0.92),
    "nitrite": ("5802-4", 0.6),
}

SPECIMENS: Final = {
    "blood": ("119297000", "Blood specimen (specimen)"),
    "urine": ("122575003", "Urine specimen (specimen)"),
    "throat": ("258529004", "Throat swab (specimen)"),
}

_METABOLIC: Final = ("glucose", "bun", "creatinine", "egfr", "sodium", "potassium", "chloride", "co2", "calcium")
PANELS: Final = {
    "cbc": Panel("58410-2", ("wbc", "rbc", "hgb", "hct", "mcv", "mch", "mchc", "rdw", "platelets"), hours=3),
    "bmp": Panel("24321-2", _METABOLIC),
    "cmp": Panel("24323-8", (*_METABOLIC, "protein", "albumin", "bilirubin", "alp", "alt", "ast")),
    "lipid": Panel("24331-1", ("cholesterol", "tg", "hdl", "ldl")),
    "a1c": Panel("4548-4", ("a1c",), hours=20),
    "tsh": Panel("3016-3", ("tsh", "ft4"), hours=22),
    "uacr": Panel("14959-1", ("uacr",), "urine", 20),
    "inr": Panel("6301-6", ("inr",), hours=2),
    "ferritin": Panel("2276-4", ("ferritin",), hours=24),
    "strep": Panel("78012-2", ("strep_ag",), "throat", 0.3),
    "urine": Panel("5799-2", ("esterase", "nitrite"), "urine", 0.4),
}
ORDER: Final = tuple(PANELS)
