"""Laboratory: specimens, results that move with problems and time, and the reports that hold them.

Results agree with each other: red cell indices follow from hemoglobin and cell volume, the filtration rate from
creatinine (CKD-EPI 2021), glucose from HbA1c, and LDL cholesterol from the other three (Friedewald).
"""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population import roster
from mockehr.population.chart.analytes import ANALYTES, FINDINGS, ORDER, PANELS, SPECIMENS, Analyte, bounds
from mockehr.population.chart.body import group_markers, move, scattered
from mockehr.population.chart.codes import LOINC, category, concept, hl7, loinc, quantity, row, snomed, unit
from mockehr.population.chart.course import Course, Marker
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, HOUR, MINUTE, YEAR, instant_text

_SPOILED: Final = 0.004
"""How often a result is missing because the specimen was no good."""
_LARGE: Final = 4
"""A panel of more analytes than this is not repeated as often as it could be: charts want a bounded size."""
_PATIENCE: Final = 3.5
_WARFARIN: Final = "855332"
_THINNED: Final = 1.5
"""An INR above this is that of warfarin."""


class Laboratory:
    """The laboratory as one patient meets it."""

    __slots__ = ("_draft", "_inr", "_kidney", "_markers", "_usual")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._markers: dict[str, list[tuple[Course, Marker]]] = group_markers(draft.courses)
        self._usual: dict[str, float] = {}
        self._inr = min((one.begun[_WARFARIN] for one in draft.courses if _WARFARIN in one.begun), default=None)
        self._kidney = next((one for one in draft.courses if one.area.filtration), None)

    def write(self) -> None:
        """Append specimens, results and reports of every visit that asks for them."""
        done: dict[str, float] = {}
        for number, visit in enumerate(self._draft.visits):
            wanted = self._wanted(visit, number, done)
            if wanted:
                self._write_visit(visit, wanted)
                done.update(dict.fromkeys(wanted, visit.at))

    def _wanted(self, visit: Visit, number: int, done: dict[str, float]) -> list[str]:
        if visit.contact is not None:
            return [panel for panel in ORDER if panel in visit.contact.panels]
        wanted = set()
        for course in self._draft.courses:
            if not course.active(visit.at):
                continue
            for panel, days in course.area.watched:
                if panel == "inr" and self._inr is None:
                    continue
                large = len(PANELS[panel].analytes) > _LARGE
                if visit.at - done.get(panel, 0.0) > (days * _PATIENCE if large else days) * DAY:
                    wanted.add(panel)
        age = self._draft.age(visit.at)
        if number == 0 and age >= 18:
            wanted.update(("cbc", "cmp") if age > 49 else ("bmp",))
        if age > 34 and visit.at - done.get("lipid", 0.0) > 1500 * DAY:
            wanted.add("lipid")
        if "cmp" in wanted or visit.at - done.get("cmp", 0.0) < 90 * DAY:
            wanted.discard("bmp")
        return [panel for panel in ORDER if panel in wanted]

    def _write_visit(self, visit: Visit, panels: list[str]) -> None:
        draft = self._draft
        specimens: dict[str, JSON] = {}
        drawn = visit.at + 20 * MINUTE
        for panel in panels:
            kind = PANELS[panel].specimen
            if kind not in specimens:
                specimens[kind] = draft.add(
                    "Specimen",
                    "us-core-specimen",
                    drawn,
                    {
                        "status": "available",
                        "type": snomed(*SPECIMENS[kind]),
                        "subject": draft.patient,
                        "receivedTime": instant_text(draft.clip(drawn + HOUR)),
                        "collection": {"collectedDateTime": instant_text(draft.clip(drawn))},
                    },
                )
            self._write_panel(visit, panel, specimens[kind], drawn)

    def _write_panel(self, visit: Visit, name: str, specimen: JSON, drawn: float) -> None:
        draft, panel = self._draft, PANELS[name]
        laboratory = draft.staff.reference("Organization", roster.LABORATORY)
        issued = drawn + panel.hours * HOUR
        effective, told = instant_text(draft.clip(drawn)), instant_text(draft.clip(issued))
        shared: JSON = {
            "subject": draft.patient,
            "encounter": visit.reference,
            "effectiveDateTime": effective,
            "issued": told,
            "performer": [laboratory],
        }
        common = shared | {"specimen": specimen}
        dice = draft.stream("laboratory", name, str(int(visit.at)))
        results: list[JSON] = []
        if panel.analytes[0] in FINDINGS:
            for analyte in panel.analytes:
                loinc_code, share = FINDINGS[analyte]
                positive = dice.chance(share)
                body = _frame(loinc_code) | common | _finding(positive)
                _tell(visit, loinc_code, positive)
                results.append(draft.add("Observation", "us-core-observation-lab", issued, body))
        else:
            values = self._values(panel.analytes, drawn, dice)
            for analyte in panel.analytes:
                body = _frame(ANALYTES[analyte].loinc) | common
                body |= self._result(visit, ANALYTES[analyte], values[analyte], spoiled=dice.chance(_SPOILED))
                results.append(draft.add("Observation", "us-core-observation-lab", issued, body))
        report = _report(panel.order) | shared
        report |= {"resultsInterpreter": [visit.practitioner], "specimen": [specimen], "result": results}
        draft.add("DiagnosticReport", "us-core-diagnosticreport-lab", issued, report)
        visit.resulted = max(visit.resulted, issued)

    def _values(self, analytes: tuple[str, ...], at: float, dice: Stream) -> dict[str, float]:
        """One sample: what is measured, then what follows from it."""
        values = {name: scattered(dice, self._level(name, at), self._within(name, at)) for name in analytes}
        if "hct" in values:
            _derive_indices(values)
        if "creatinine" in values:
            values["egfr"] = filtration(values["creatinine"], self._draft.age(at), self._draft.subject.sex)
        if "glucose" in values and "a1c" in self._markers:
            average = 28.7 * self._level("a1c", at) - 46.7
            values["glucose"] = max(64.0, scattered(dice, average * 0.95, 14.0))
        if "ldl" in values:
            for name in ("ldl", "hdl", "tg"):
                values[name] = float(max(20, round(values[name])))
            values["cholesterol"] = float(round(values["ldl"] + values["hdl"] + values["tg"] / 5))
        return values

    def _level(self, name: str, at: float) -> float:
        """What is usual in this patient, moved by the problems."""
        usual = self._usual.get(name)
        analyte = ANALYTES[name]
        if usual is None:
            middle = analyte.women if self._draft.subject.sex == "female" else analyte.men
            usual = middle
            if analyte.between:
                usual += analyte.between * (
                    self._draft.chance.draw("chart", self._draft.subject.index, name) * 3.4 - 1.7
                )
            self._usual[name] = usual
        if name == "inr" and self._inr is not None and at > self._inr + 3 * DAY:
            return 2.45
        if name == "creatinine" and self._kidney is not None:
            return self._retained(self._kidney, usual, at)
        return move(self._markers, name, usual, at)

    def _within(self, name: str, at: float) -> float:
        """How much two samples differ; warfarin is hard to dose."""
        if name == "inr" and self._level(name, at) > _THINNED:
            return 0.3
        return ANALYTES[name].within

    def _retained(self, course: Course, usual: float, at: float) -> float:
        """The creatinine that stands for the stage of kidney disease; a year after the onset it is reached."""
        if not course.active(at):
            return usual
        rate = dict(course.area.filtration)[course.code] + (0.5 - course.severity) * 6
        ill = creatinine_at(rate, self._draft.age(at), self._draft.subject.sex)
        return usual + (ill - usual) * min(1.0, (at - course.onset) / YEAR)

    def _result(self, visit: Visit, analyte: Analyte, value: float, *, spoiled: bool) -> JSON:
        if spoiled:
            return {"dataAbsentReason": hl7("data-absent-reason", "error", "Error")}
        shown = round(max(value, 0.0), analyte.decimals) if analyte.decimals else round(max(value, 0.0))
        body: JSON = {"valueQuantity": {"value": shown, **unit(analyte.unit)}}
        sex = self._draft.subject.sex
        flag = _flag(bounds(analyte.name, sex), shown)
        body["interpretation"] = _interpretation(flag)
        body["referenceRange"] = _range(analyte.name, sex)
        if flag != "N":
            name = row("loinc", analyte.loinc)["display"].split(" [")[0]
            word = "high" if flag == "H" else "low"
            visit.findings.append(f"{name} {shown} {unit(analyte.unit)['unit']} ({word})")
        return body


def _tell(visit: Visit, code: str, positive: bool) -> None:
    """Keep a positive test for the note."""
    if positive:
        visit.findings.append(f"{row('loinc', code)['display'].split(' [')[0]} positive")


def _derive_indices(values: dict[str, float]) -> None:
    values["hct"] = values["hgb"] / values["mchc"] * 100
    values["rbc"] = values["hct"] * 10 / values["mcv"]
    values["mch"] = values["hgb"] * 10 / values["rbc"]


def filtration(creatinine: float, age: float, sex: str) -> float:
    """Estimated glomerular filtration rate in mL/min/1.73 m2 by CKD-EPI 2021; `creatinine` in mg/dL, `age` in years.

    Inker et al., N Engl J Med 2021; 385:1737-1749.
    """
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine / kappa
    rate: float = 142 * min(ratio, 1.0) ** alpha * max(ratio, 1.0) ** -1.2 * 0.9938**age * factor
    return rate


def creatinine_at(rate: float, age: float, sex: str) -> float:
    """The creatinine in mg/dL at which `filtration` is `rate`, for rates of the ill (creatinine above normal)."""
    kappa, factor = (0.7, 1.012) if sex == "female" else (0.9, 1.0)
    found: float = kappa * (142 * 0.9938**age * factor / rate) ** (1 / 1.2)
    return found


def _flag(limits: tuple[float | None, float | None], value: float) -> str:
    low, high = limits
    if low is not None and value < low:
        return "L"
    if high is not None and value > high:
        return "H"
    return "N"


@cache
def _frame(code: str) -> JSON:
    return {
        "status": "final",
        "category": category("observation-category", "laboratory", "Laboratory"),
        "code": loinc(code),
    }


@cache
def _report(order: str) -> JSON:
    return {
        "status": "final",
        "category": [hl7("v2-0074", "LAB", "Laboratory")],
        "code": loinc(order),
    }


@cache
def _interpretation(flag: str) -> list[JSON]:
    return [hl7("v3-ObservationInterpretation", flag, {"H": "High", "L": "Low", "N": "Normal"}[flag])]


@cache
def _range(name: str, sex: str) -> list[JSON]:
    sides = zip(("low", "high"), bounds(name, sex), strict=True)
    return [{side: quantity(limit, ANALYTES[name].unit) for side, limit in sides if limit is not None}]


@cache
def _finding(positive: bool) -> JSON:
    code, flag = ("LA6576-8", "A") if positive else ("LA6577-6", "N")
    return {
        "valueCodeableConcept": concept(LOINC, code, row("loinc", code)["display"]),
        "interpretation": [hl7("v3-ObservationInterpretation", flag, {"A": "Abnormal", "N": "Normal"}[flag])],
    }
