"""ORU^R01: unsolicited results (HL7 v2 chapter 7). One OBR is a DiagnosticReport, its OBX are Observations."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, entity, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Upsert, reference
from mockehr.hl7.accept.person import keys, patient
from mockehr.hl7.accept.values import reference_range, value
from mockehr.hl7.accept.visit import encounter
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.terms import (
    DIAGNOSTIC_SECTION,
    INTERPRETATION,
    LOCAL_AUTHORITY,
    OBSERVATION_CATEGORY,
    OBSERVATION_STATUS,
    REPORT_STATUS,
)

_CATEGORY: Final = {"RAD": "imaging", "RUS": "imaging", "CT": "imaging", "NMR": "imaging", "CUS": "imaging"}
OBSERVATION_KEY: Final = LOCAL_AUTHORITY + "observation"
"""System of the identifier by which a corrected result finds the Observation that it corrects."""


class _Results:
    """Walks the segments of one message in order; the last PID, OBR or OBX is what a later segment belongs to."""

    def __init__(self, message: Message, context: Context) -> None:
        self.message = message
        self.context = context
        self.intents: list[Intent] = []
        self.seen: dict[str, int] = {}
        self.patient_key = ""
        self.encounter_key = ""
        self.orc: Segment | None = None
        self.report: JSON | None = None
        self.filler = ""
        self.observation: JSON | None = None
        self.last_text: tuple[str, str] = ("", "")
        self.codes: dict[str, int] = {}

    def walk(self) -> tuple[Intent, ...]:
        steps = {
            "PID": self.on_pid, "PV1": self.on_pv1, "ORC": self.on_orc, "OBR": self.on_obr, "OBX": self.on_obx,
            "NTE": self.on_nte,
        }  # fmt: skip
        for segment in self.message.segments:
            step = steps.get(segment.id)
            if step is not None:
                self.seen[segment.id] = self.seen.get(segment.id, 0) + 1
                step(segment, self.seen[segment.id])
        for needed in ("PID", "OBR"):
            if needed not in self.seen:
                raise Rejection("AE", Fault(100, needed, 1, text=f"ORU^R01 needs {needed} to be applied"))
        return tuple(self.intents)

    def on_pid(self, pid: Segment, sequence: int) -> None:
        self.patient_key = "patient" if sequence == 1 else f"patient-{sequence}"
        self.encounter_key = ""
        self.report = self.observation = self.orc = None
        self.intents.append(patient(pid, self.context, self.patient_key, sequence=sequence))

    def on_pv1(self, pv1: Segment, sequence: int) -> None:
        # The visit of a result is told for reference; without a number or a class it is a placeholder.
        if self.patient_key and pv1.has(19) and pv1.has(2) and pv1.text(2) != "N":
            self.encounter_key = "encounter" if sequence == 1 else f"encounter-{sequence}"
            self.intents.append(
                encounter(pv1, self.message, self.context, patient_key=self.patient_key, key=self.encounter_key)
            )

    def on_orc(self, orc: Segment, sequence: int) -> None:
        self.orc, self.report, self.observation = orc, None, None

    def on_obr(self, obr: Segment, sequence: int) -> None:
        if not self.patient_key:
            raise Rejection("AE", Fault(100, "OBR", sequence, text="OBR stands before any PID"))
        required(obr, 4, "universal service identifier", sequence=sequence)
        status = REPORT_STATUS.get(obr.text(25, 1, 1)) if obr.has(25) else "unknown"
        if status is None:
            text = f"OBR-25 is {obr.text(25)!r}, not one of {', '.join(REPORT_STATUS)}"
            raise Rejection("AE", Fault(103, "OBR", sequence, 25, text=text))
        report: JSON = {
            "resourceType": "DiagnosticReport",
            "status": status,
            "code": concept(obr.repetitions(4)[0]) or {},
            "subject": reference(self.patient_key),
            "result": [],
        }
        if self.encounter_key:
            report["encounter"] = reference(self.encounter_key)
        match = self._identify(report, obr)
        self._describe(report, obr, sequence)
        self.report, self.observation, self.codes = report, None, {}
        self.last_text = ("", "")
        self.orc = None
        self.intents.append(Upsert(f"report-{sequence}", report, match))

    def _identify(self, report: JSON, obr: Segment) -> tuple[Key, ...]:
        """Filler and placer numbers, from OBR or else from the ORC before it."""
        found = {}
        for field, kind in ((3, "FILL"), (2, "PLAC")):
            for segment in (obr, self.orc):
                if kind not in found and segment is not None and segment.has(field):
                    number = entity(segment.repetitions(field)[0], kind)
                    if number:
                        found[kind] = number
        self.filler = found["FILL"]["value"] if "FILL" in found else ""
        if "PLAC" in found:
            report["basedOn"] = [{"type": "ServiceRequest", "identifier": found["PLAC"]}]
        if "FILL" not in found:
            return ()
        report["identifier"] = [found["FILL"]]
        return keys(report["identifier"])

    def _describe(self, report: JSON, obr: Segment, sequence: int) -> None:
        effective = when(obr, 7, self.context, sequence=sequence)
        issued = when(obr, 22, self.context, sequence=sequence)
        if effective:
            report["effectiveDateTime"] = effective
        if "T" in issued:
            report["issued"] = issued
        if obr.has(24):
            report["category"] = [{"coding": [{"system": DIAGNOSTIC_SECTION, "code": obr.text(24, 1, 1)}]}]
        who = clinician(obr.repetitions(32)[0]) if obr.has(32) else None
        if who:
            report["resultsInterpreter"] = [who]

    def on_obx(self, obx: Segment, sequence: int) -> None:
        if self.report is None:
            # Observations about the patient at large (after PV1) belong to no report.
            self.observation = None
            return
        required(obx, 3, "observation identifier", sequence=sequence)
        required(obx, 11, "observation result status", sequence=sequence)
        status = OBSERVATION_STATUS.get(obx.text(11, 1, 1))
        if status is None:
            text = f"OBX-11 is {obx.text(11)!r}, not one of {', '.join(OBSERVATION_STATUS)}"
            raise Rejection("AE", Fault(103, "OBX", sequence, 11, text=text))
        found = value(obx, self.context, sequence)
        if found and found[0] == "attachment":
            self.report.setdefault("presentedForm", []).append(found[1])
            return
        kind, code = obx.text(2), obx.text(3)
        if self.observation is not None and kind in ("TX", "FT") and self.last_text == (kind, code):
            # One report line per OBX: the lines are one text, blank ones included.
            before = self.observation.get("valueString", "")
            self.observation["valueString"] = before + "\n" + (found[1] if found else "")
            return
        self.last_text = (kind, code)
        self._observe(obx, status, found, sequence)

    def _observe(self, obx: Segment, status: str, found: tuple[str, object] | None, sequence: int) -> None:
        report = self.report
        if report is None:
            raise RuntimeError("an OBX is observed only under an OBR")
        section = report.get("category", [{"coding": [{"code": ""}]}])[0]["coding"][0]["code"]
        category = _CATEGORY.get(section, "laboratory")
        observation: JSON = {
            "resourceType": "Observation",
            "status": status,
            "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": category}]}],
            "code": concept(obx.repetitions(3)[0]) or {},
            "subject": report["subject"],
        }
        if "encounter" in report:
            observation["encounter"] = report["encounter"]
        effective = when(obx, 14, self.context, sequence=sequence) or report.get("effectiveDateTime", "")
        if effective:
            observation["effectiveDateTime"] = effective
        if found:
            observation[found[0]] = found[1]
        ranges = reference_range(obx)
        if ranges:
            observation["referenceRange"] = ranges
        flags = [obx.text(8, place, 1) for place in range(1, len(obx.repetitions(8)) + 1)] if obx.has(8) else []
        if any(flags):
            observation["interpretation"] = [
                {"coding": [{"system": INTERPRETATION, "code": flag}]} for flag in flags if flag
            ]
        match = self._number(observation, obx)
        key = f"observation-{sequence}"
        report["result"].append(reference(key))
        self.observation = observation
        self.intents.append(Upsert(key, observation, match))

    def _number(self, observation: JSON, obx: Segment) -> tuple[Key, ...]:
        """An identifier from filler number, code and sub-id, so that a correction finds what it corrects."""
        name = f"{obx.text(3, 1, 1) or obx.text(3, 1, 2)}:{obx.text(4)}"
        self.codes[name] = self.codes.get(name, 0) + 1
        if not self.filler:
            return ()
        again = f":{self.codes[name]}" if self.codes[name] > 1 else ""
        observation["identifier"] = [{"system": OBSERVATION_KEY, "value": f"{self.filler}:{name}{again}"}]
        return keys(observation["identifier"])

    def on_nte(self, nte: Segment, sequence: int) -> None:
        count = len(nte.repetitions(3)) if nte.has(3) else 0
        text = "\n".join(nte.text(3, place) for place in range(1, count + 1))
        if self.observation is not None:
            notes = self.observation.setdefault("note", [{"text": ""}])
            notes[0]["text"] = f"{notes[0]['text']}\n{text}".removeprefix("\n")
        elif self.report is not None and text:
            before = self.report.get("conclusion", "")
            self.report["conclusion"] = f"{before}\n{text}".removeprefix("\n")


def results(message: Message, context: Context) -> Accepted:
    """ORU^R01 as Patient, Encounter (if PV1 names one), DiagnosticReport per OBR and Observation per OBX.

    A report is found again by its filler number (OBR-3), an Observation by filler number, OBX-3 and OBX-4: a
    corrected result replaces what it corrects. Raises Rejection for what table 0357 calls a missing segment (100),
    a missing field (101), a wrong type (102) or an unknown code (103).
    """
    return Accepted(_Results(message, context).walk(), "ORU^R01", "DiagnosticReport")


ACCEPTS: Final = {"ORU^R01": results}
"""Message type and trigger to what it means."""
