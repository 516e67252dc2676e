"""What load tests send, and the names under which they count it. No sockets, no servers, no locust: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from mockehr.core.clock import instant

FAMILIES: Final = ("A", "Br", "Ga", "Ha", "Jo", "Ma", "Sm", "Wi")
"""Beginnings of family names to search by; some match many, some few."""

NAMES: Final = MappingProxyType(
    {
        "roster": "/Patient",
        "family": "/Patient?family=[text]",
        "read": "/Patient/[id]",
        "chart": "/Observation?patient=[id]&category=[code]",
        "next": "next",
        "create": "/Observation",
        "token": "token",
    }
)
"""What is asked for → the name it is counted under: templates, so that a table of results stays short."""

_CODES: Final = (("8867-4", "Heart rate", "/min", 60, 100), ("9279-1", "Respiratory rate", "/min", 12, 20))
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@dataclass(frozen=True, slots=True)
class Request:
    """One FHIR request: `target` is relative to the FHIR base and begins with a slash."""

    name: str
    method: str
    target: str
    body: bytes = b""


def roster(count: int = 50) -> Request:
    """The first patients, to learn ids from."""
    return Request(NAMES["roster"], "GET", f"/Patient?{urlencode({'_count': count})}")


def family_search(number: int) -> Request:
    """A search by the beginning of a family name."""
    return Request(NAMES["family"], "GET", f"/Patient?{urlencode({'family': FAMILIES[number % len(FAMILIES)]})}")


def patient_read(patient: str) -> Request:
    """A read of one patient."""
    return Request(NAMES["read"], "GET", f"/Patient/{quote(patient, safe='')}")


def chart_search(patient: str, category: str = "laboratory") -> Request:
    """The observations of one patient in one category: what US Core wants every server to answer."""
    return Request(NAMES["chart"], "GET", f"/Observation?{urlencode({'patient': patient, 'category': category})}")


def observation_create(patient: str, number: int, at: float) -> Request:
    """A vital sign written for a patient, measured `at` (seconds since 1970)."""
    code, display, unit, low, high = _CODES[number % len(_CODES)]
    document: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": instant(at),
        "valueQuantity": {
            "value": low + number % (high - low),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
    return Request(NAMES["create"], "POST", "/Observation", orjson.dumps(document))


@dataclass(frozen=True, slots=True)
class Message:
    """One HL7 v2 message, not framed: `control_id` is its MSH-10."""

    name: str
    control_id: str
    payload: bytes


def admission(control_id: str, number: int, at: float, *, trigger: str = "A01", sender: str = "LOAD") -> Message:
    """An ADT of patient `number` at `at` (seconds since 1970), HL7 v2.5.1 chapter 3. A01 admits, A08 updates."""
    stamp = instant(at).translate({ord(sign): None for sign in "-:TZ"})[:14]
    segments = (
        rf"MSH|^~\&|{sender}|WARD|MOCKEHR|HOSPITAL|{stamp}||ADT^{trigger}^ADT_A01|{control_id}|P|2.5.1",
        f"EVN|{trigger}|{stamp}",
        f"PID|1||LT{number:07}^^^{sender}^MR||Load^Case{number}||19{60 + number % 40}0101|{'FM'[number % 2]}",
        f"PV1|1|I|3W^{300 + number % 40}^1||||||||||||||||LV{number:07}",
    )
    return Message(f"ADT^{trigger}", control_id, ("\r".join(segments) + "\r").encode())


def acknowledgement_fault(payload: bytes, control_id: str) -> str:
    """What is wrong with an acknowledgement as the answer to that message; empty if it accepts it (MSA-1, MSA-2)."""
    for segment in payload.split(b"\r"):
        if segment.startswith(b"MSA|"):
            fields = [part.decode("utf-8", "replace") for part in segment.split(b"|")] + ["", ""]
            if fields[2] != control_id:
                return f"MSA-2 is {fields[2]!r}, not {control_id!r}"
            return "" if fields[1] in ("AA", "CA") else f"MSA-1 is {fields[1]!r}"
    return "there is no MSA segment"
