"""ORU: unsolicited results (HL7 v2 chapter 7). One OBR is a DiagnosticReport, its OBX are Observations.

Bacteria and what they are susceptible to: an organism is a coded result; the results under it, told by a sub-id in
OBX-4 (`1.2` or, in microbiology, the same `1`) or by an OBR of their own whose OBR-26 names the organism, are its
members. Any other OBR with a parent is a reflex test: its results are derived from the parent's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.documents import RTF, Document, document, form_of, pointer, rich_text
from mockehr.hl7.accept.fields import clinician, concept, entity, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Upsert, reference
from mockehr.hl7.accept.numbers import Numbers, known_order, numbers, order_keys, specimen, specimen_source
from mockehr.hl7.accept.results import OBSERVATION_KEY, Renewal, cleared, observation, status_of
from mockehr.hl7.accept.values import Value, value
from mockehr.hl7.accept.walk import Walk
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import DIAGNOSTIC_SECTION, LOCAL_AUTHORITY, OBSERVATION_CATEGORY, REPORT_STATUS

_CATEGORY: Final = {"RAD": "imaging", "RUS": "imaging", "CT": "imaging", "NMR": "imaging", "CUS": "imaging"}
_STATUS: Final = {**REPORT_STATUS, "W": "entered-in-error", "D": "entered-in-error", "N": "registered"}
"""OBR-25; W and D belong to OBX-11 and are sent in OBR-25 all the same."""
_MICROBIOLOGY: Final = frozenset({"MB", "MYC", "VR"})
_CULTURES: Final = frozenset({"600-7", "630-4", "634-6", "6463-4", "6460-0", "11475-1", "17928-3", "580-1"})
"""LOINC codes whose value is an organism."""
_IMPRESSION: Final = "IMP"
"""Suffix of OBX-3 (`71020&IMP`): the conclusion of an imaging report (chapter 7.1.4)."""
REPORT_KEY: Final = LOCAL_AUTHORITY + "report"
"""System of the identifier by which a report is found again: several OBR may share one filler number."""


@dataclass(slots=True)
class _Observed:
    """One Observation and what depends on it."""

    key: str
    resource: JSON
    match: tuple[Key, ...]
    code: str
    sub: str
    group: str
    """Number of the order, as in OBSERVATION_KEY."""
    parent: str = ""
    members: list[_Observed] = field(default_factory=list)


@dataclass(slots=True)
class _Report:
    """One OBR and what follows it."""

    key: str
    resource: JSON
    code: bytes
    group: str
    told: bool
    """Whether OBR-25 says a status."""
    parent: _Observed | None = None
    observed: list[_Observed] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    document: Document | None = None
    text: list[str] = field(default_factory=list)
    """Lines of a report that is a text."""


class _Results(Walk):
    """One message of results; the last OBR or OBX is what a later segment belongs to."""

    def __init__(self, message: Message, context: Context) -> None:
        super().__init__(message, context)
        self.steps |= {
            "ORC": self.on_orc, "OBR": self.on_obr, "OBX": self.on_obx, "NTE": self.on_nte, "SPM": self.on_spm,
        }  # fmt: skip
        self.orc: Segment | None = None
        self.reports: list[_Report] = []
        self.report: _Report | None = None
        self.last: _Observed | None = None
        self.last_text: tuple[str, bytes] = ("", b"")
        self.groups: dict[str, int] = {}

    def intents(self) -> tuple[Intent, ...]:
        """All that is to be written, each thing after those that it refers to."""
        self._finish()
        found = list(self.people)
        for report in self.reports:
            for one in report.observed:
                if not one.parent:
                    found += self._written(one)
        return (*found, *(self._reported(report) for report in self.reports))

    def on_pid(self, pid: Segment, sequence: int) -> None:
        self._finish()
        self.report = self.last = self.orc = None
        super().on_pid(pid, sequence)

    def on_orc(self, orc: Segment, sequence: int) -> None:
        self._finish()
        self.orc, self.report, self.last = orc, None, None

    def on_obr(self, obr: Segment, sequence: int) -> None:
        self._finish()
        if not self.patient_key:
            raise Rejection("AE", Fault(100, "OBR", sequence, text="OBR stands before any PID"))
        required(obr, 4, "universal service identifier", sequence=sequence)
        code = obr.text(25, 1, 1) if obr.has(25) else ""
        if code and code not in _STATUS:
            text = f"OBR-25 is {code!r}, not one of {', '.join(_STATUS)}"
            raise Rejection("AE", Fault(103, "OBR", sequence, 25, text=text))
        report: JSON = {
            "resourceType": "DiagnosticReport",
            "status": _STATUS.get(code, "unknown"),
            "code": concept(obr.repetitions(4)[0]) or {},
            "subject": reference(self.patient_key),
        }
        if self.encounter_key:
            report["encounter"] = reference(self.encounter_key)
        told = numbers(self.orc, obr, detail_first=True)
        parent = self._parent_of(obr)
        group = self._group(obr, told, parent)
        self._order(report, obr, told, sequence)
        self._describe(report, obr, sequence)
        self.report = _Report(f"report-{sequence}", report, obr.field(4) or b"", group, bool(code), parent)
        self.reports.append(self.report)
        self._add_specimen(specimen_source(obr, self.context, f"source-{sequence}", self.patient_key, group))
        self.last, self.last_text, self.orc = None, ("", b""), None

    def on_obx(self, obx: Segment, sequence: int) -> None:
        report = self.report
        if report is None:
            return  # observations about the patient at large (after PV1) belong to no report
        kind = obx.text(2, 1, 1).upper()
        rich = rich_text(obx) if kind in ("TX", "FT", "ST") else ""
        whole = kind in ("TX", "FT") and (not obx.has(3) or obx.field(3) == report.code)
        if not whole and not rich:
            required(obx, 3, "observation identifier", sequence=sequence)
        status = status_of(obx, self.context, sequence)
        if kind in ("ED", "RP"):
            self._attach(report, obx, kind, sequence)
            return
        self._close_document(report)
        found = value(obx, self.context, sequence, self.warnings)
        if rich or (whole and (report.text or not report.observed)):
            self.last = None
            report.text.append(rich or str(found[1] if found else ""))
        elif obx.text(3, 1, 1, 2) == _IMPRESSION and found and found[0] == "valueString":
            self.last = None
            _append(report.resource, "conclusion", found[1])
        elif self.last is not None and kind in ("TX", "FT") and self.last_text == (kind, obx.field(3) or b""):
            # One line per OBX: the lines are one text, blank ones included.
            before = self.last.resource.get("valueString", "")
            self.last.resource["valueString"] = before + "\n" + (found[1] if found else "")
        else:
            self.last_text = (kind, obx.field(3) or b"")
            self._observe(report, obx, status, found, sequence)

    def on_nte(self, nte: Segment, sequence: int) -> None:
        text = "\n".join(nte.texts(3)) if nte.has(3) else ""
        if self.last is not None:
            notes = self.last.resource.setdefault("note", [{"text": ""}])
            notes[0]["text"] = f"{notes[0]['text']}\n{text}".removeprefix("\n")
        elif self.report is not None and text:
            _append(self.report.resource, "conclusion", text)

    def on_spm(self, spm: Segment, sequence: int) -> None:
        if self.report is not None:
            key = f"specimen-{sequence}"
            told = specimen(spm, self.context, key, self.patient_key, self.report.group, sequence=sequence)
            self._add_specimen(told)

    def _order(self, report: JSON, obr: Segment, told: Numbers, sequence: int) -> None:
        """The filler number, and the order that the report answers: the one that is known here, else its number."""
        if told.filler:
            report["identifier"] = [told.filler]
        orders = [told, numbers(self.orc, None)]
        if self.orc is not None and self.orc.has(4):
            # Some put the placer number where the group number belongs.
            orders.append(Numbers(entity(self.orc.repetitions(4)[0], "PLAC")))
        match = order_keys(self.context.dialect, *(one for each in orders for one in (each.placer, each.filler)))
        if not match:
            return
        key = f"order-{sequence}"
        self.people.append(known_order(key, match, self.patient_key))
        logical = {"type": "ServiceRequest", "identifier": told.placer} if told.placer else {}
        report["basedOn"] = [{**reference(key), **logical}]

    def _group(self, obr: Segment, told: Numbers, parent: _Observed | None) -> str:
        """What tells this OBR from all others: its number and code, for a child also its parent, and which one of
        several alike in the message it is. Empty if there is no number at all."""
        if not told.base:
            return ""
        name = f"{told.base}/{obr.text(4, 1, 1) or obr.text(4, 1, 2)}"
        if obr.has(26):
            item = obr.repetitions(26)[0]
            name += f"<{part(item, 1)}:{part(item, 2)}"
        self.groups[name] = self.groups.get(name, 0) + 1
        return name if self.groups[name] == 1 else f"{name}#{self.groups[name]}"

    def _parent_of(self, obr: Segment) -> _Observed | None:
        """The result that OBR-26 (code and sub-id) means, the latest first; of the order in OBR-29 if it says one."""
        if not obr.has(26):
            return None
        item = obr.repetitions(26)[0]
        code, sub = part(item, 1), part(item, 2)
        orders = {piece for one in (obr.repetitions(29)[:1] or [[]])[0] for piece in one[:1] if piece}
        for report in reversed(self.reports):
            if report.resource["subject"] != reference(self.patient_key):
                continue
            if orders and report.group and report.group.partition("/")[0] not in orders and len(orders) > 1:
                continue
            for one in report.observed:
                if one.code == code and one.sub == sub:
                    return one
        return None

    def _describe(self, report: JSON, obr: Segment, sequence: int) -> None:
        effective = when(obr, 7, self.context, sequence=sequence)
        issued = when(obr, 22, self.context, sequence=sequence)
        if effective:
            report["effectiveDateTime"] = effective
        if "T" in issued:
            report["issued"] = issued
        if obr.has(24):
            report["category"] = [{"coding": [{"system": DIAGNOSTIC_SECTION, "code": obr.text(24, 1, 1)}]}]
        # Before 2.7 an NDL, whose first component is the person with all parts; a mere XCN is sent as well.
        item = obr.repetitions(32)[0] if obr.has(32) else []
        person = [[piece] for piece in item[0]] if item and len(item[0]) > 1 else item
        who = clinician(person) if person else None
        if who:
            report["resultsInterpreter"] = [who]

    def _add_specimen(self, told: Upsert | None) -> None:
        report = self.report
        if told is None or report is None:
            return
        self.people.append(told)
        report.resource.setdefault("specimen", []).append(reference(told.key))
        for one in report.observed:
            one.resource.setdefault("specimen", reference(told.key))

    def _observe(self, report: _Report, obx: Segment, status: str, found: Value | None, sequence: int) -> None:
        resource = observation(obx, status, found, self.context, sequence)
        section = _section(report.resource)
        code = {"system": OBSERVATION_CATEGORY, "code": _CATEGORY.get(section, "laboratory")}
        resource["category"] = [{"coding": [code]}]
        for name in ("subject", "encounter", "effectiveDateTime"):
            if name in report.resource:
                resource.setdefault(name, report.resource[name])
        for one in report.resource.get("specimen", [])[:1]:
            resource["specimen"] = one
        name = f"{obx.text(3, 1, 1, 1) or obx.text(3, 1, 2)}:{obx.text(4)}"
        report.names[name] = report.names.get(name, 0) + 1
        again = f":{report.names[name]}" if report.names[name] > 1 else ""
        match: tuple[Key, ...] = ()
        if report.group:
            number = f"{report.group}:{name}{again}"
            resource["identifier"] = [{"system": OBSERVATION_KEY, "value": number}]
            match = (Key(OBSERVATION_KEY, number),)
        key = f"observation-{sequence}"
        made = _Observed(key, resource, match, obx.text(3, 1, 1, 1), obx.text(4), report.group)
        self._attach_to_parent(report, made, section)
        report.observed.append(made)
        self.last = made

    def _attach_to_parent(self, report: _Report, made: _Observed, section: str) -> None:
        """Under an organism as its member, under any other parent as derived from it."""
        parent = report.parent
        above = made.sub.rpartition(".")[0]
        if parent is None and made.sub:
            alike = section in _MICROBIOLOGY
            for one in report.observed:
                organism = "valueCodeableConcept" in one.resource and (alike or one.code in _CULTURES)
                dotted = above == one.sub and "valueCodeableConcept" in one.resource
                if dotted or (organism and one.sub == made.sub and "valueCodeableConcept" not in made.resource):
                    parent = one
        if parent is not None:
            made.parent = parent.key
            parent.members.append(made)

    def _attach(self, report: _Report, obx: Segment, kind: str, sequence: int) -> None:
        self.last, self.last_text = None, ("", b"")
        if kind == "RP":
            self._close_document(report)
            report.resource.setdefault("presentedForm", []).append(pointer(obx, sequence))
            return
        read = document(obx, sequence)
        if report.document is not None and report.document.goes_on(read):
            report.document.pieces += read.pieces
            return
        self._close_document(report)
        report.document = read

    def _close_document(self, report: _Report) -> None:
        if report.document is not None:
            report.resource.setdefault("presentedForm", []).append(report.document.attachment())
            report.document = None

    def _finish(self) -> None:
        """The report that was read last is complete."""
        report = self.report
        if report is None:
            return
        self._close_document(report)
        text = "\n".join(report.text)
        if text.strip():
            kind = "application/rtf" if text.startswith(RTF.decode()) else "text/plain"
            title = report.resource["code"].get("text", "")
            report.resource.setdefault("presentedForm", []).append(form_of(text, kind, title))
        report.text = []
        if not report.told:
            report.resource["status"] = _overall([one.resource["status"] for one in report.observed])

    def _written(self, one: _Observed) -> list[Intent]:
        """An Observation before what is derived from it, but after its members."""
        organism = "valueCodeableConcept" in one.resource
        below = [intent for member in one.members for intent in self._written(member)]
        if one.members and organism:
            one.resource["hasMember"] = [reference(member.key) for member in one.members]
        elif one.members:
            for member in one.members:
                member.resource["derivedFrom"] = [reference(one.key)]
        renewal = Renewal(("hasMember",), self.context.dialect.preliminary_overwrites)
        own = Upsert(one.key, one.resource, one.match, cleared(one.resource), revise=renewal)
        return [*below, own] if organism else [own, *below]

    def _reported(self, report: _Report) -> Upsert:
        if report.observed:
            report.resource["result"] = [reference(one.key) for one in report.observed]
        match: tuple[Key, ...] = ()
        if report.group:
            number = {"system": REPORT_KEY, "value": report.group}
            report.resource["identifier"] = [*report.resource.get("identifier", []), number]
            match = (Key(REPORT_KEY, report.group),)
        renewal = Renewal(("result", "specimen"), self.context.dialect.preliminary_overwrites)
        return Upsert(report.key, report.resource, match, revise=renewal)


def results(message: Message, context: Context) -> Accepted:
    """Results as Patient, Encounter (if PV1 names one), Specimen, DiagnosticReport per OBR and Observation per OBX.

    A report is found again by its filler number (else placer number) and OBR-4, an Observation by these, OBX-3 and
    OBX-4: a corrected result replaces what it corrects, whatever its OBX-1; a preliminary one leaves a final one
    alone unless the dialect says so. Documents (ED, RP, RTF) and texts under the report's own code are its presented
    forms. Raises Rejection for what table 0357 calls a missing segment (100), a missing field (101), a wrong type
    (102) or an unknown code (103).
    """
    walk = _Results(message, context)
    walk.walk("PID", "OBR")
    return Accepted(walk.intents(), "ORU^R01", "DiagnosticReport", warnings=tuple(walk.warnings))


def _section(report: JSON) -> str:
    for category in report.get("category", []):
        return str(category["coding"][0]["code"])
    return ""


def _append(resource: JSON, name: str, text: str) -> None:
    resource[name] = f"{resource.get(name, '')}\n{text}".removeprefix("\n")


def _overall(statuses: list[str]) -> str:
    """The status of a report that says none, from those of its results."""
    present = set(statuses)
    if not present:
        return "unknown"
    if len(present) == 1 and present <= {"cancelled", "entered-in-error"}:
        return present.pop()
    for status in ("registered", "preliminary", "corrected", "amended"):
        if status in present:
            return "preliminary" if status == "registered" and len(present) > 1 else status
    return "final"


ACCEPTS: Final = dict.fromkeys(("ORU^R01", "ORU^R03", "ORU^R30", "ORU^R32", "ORU^R40"), results)
"""Message type and trigger to what it means. All are written alike; what they report is told on as ORU^R01."""
