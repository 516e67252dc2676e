"""What a message changes about a stay, given what is known of it: the state machine behind the triggers of ADT.

HL7 v2 chapter 3.3 says what happened, not what becomes of a record; a FHIR Encounter keeps where the patient has been
(`location`, the last active one is where the patient is) and which class the visit had (`classHistory`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import same_one
from mockehr.hl7.terms import PATIENT_CLASS

_EXPECTING: Final = frozenset({"A05", "A14"})
_OPEN: Final = frozenset({"arrived", "triaged", "in-progress", "onleave"})
_OVER: Final = frozenset({"A03", "A11", "A27", "A38"})
"""The patient is nowhere any more."""
_HERE: Final = frozenset({"A01", "A02", "A04", "A06", "A07", "A10", "A17"})
"""The patient has come to a place that may have been planned."""
_BACK: Final = frozenset({"A12", "A13", "A22"})
"""The patient is where he or she was before."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Takes what a PV1 says to what is to be written, for one trigger at one time (a FHIR dateTime)."""

    kind: str
    """Message type and trigger."""
    at: str
    arriving: bool = False
    """The place told is a temporary one, or one that comes later."""
    assumed: bool = False
    """The beginning told is that of the event, for want of another."""

    def __call__(self, stored: JSON | None, told: JSON) -> JSON:
        """Elements that are None go."""
        known = stored or {}
        found = dict(told)
        late = self._late(known, found)
        if late:
            found.pop("status", None)
        if self.assumed and known.get("period", {}).get("start") and "period" in found:
            found["period"] = {name: value for name, value in found["period"].items() if name != "start"}
        spoken = tuple(found.get("period") or {})
        _merge(found, known, "period", {"end": None} if self.trigger == "A13" and "period" in known else {})
        if late and known.get("period", {}).get("end"):
            found["period"] = {**found.get("period", {}), "end": known["period"]["end"]}
        if found.get("period"):
            found["period"] = _possible(found["period"], spoken)
        _merge(found, known, "hospitalization", {"dischargeDisposition": None} if self.trigger == "A13" else {})
        self._class(found, known)
        self._places(found, known, late)
        _people(found, known)
        if "extension" in told:
            fresh = {one["url"] for one in told["extension"]}
            kept = [one for one in known.get("extension", []) if one.get("url") not in fresh]
            found["extension"] = [*kept, *(one for one in told["extension"] if len(one) > 1)] or None
        if "identifier" in found and known:
            found["identifier"] = _numbers(known.get("identifier", []), found["identifier"])
        return found

    @property
    def trigger(self) -> str:
        """`A01`, or nothing for a message that is not about movements."""
        message, _, trigger = self.kind.partition("^")
        return trigger if message == "ADT" else ""

    def _late(self, known: JSON, found: JSON) -> bool:
        """Whether the message comes after one that tells what happened later, so that the status stays as it is."""
        status, told = known.get("status", ""), found.get("status", "")
        if self.trigger in _EXPECTING:
            return status in _OPEN or status == "finished"
        if status != "finished" or told not in _OPEN or self.trigger == "A13":
            return False
        ended, now = moment(known.get("period", {}).get("end", "")), moment(self.at)
        return ended is not None and now is not None and now < ended

    def _class(self, found: JSON, known: JSON) -> None:
        """Another class leaves the former in the history; a letter of table 0004 that means several is no change."""
        before, now = known.get("class"), found.get("class")
        if not before or not now or before.get("code") == now["code"]:
            return
        if PATIENT_CLASS.get(before.get("code", "")) == PATIENT_CLASS.get(now["code"]):
            found["class"] = before
            return
        history = known.get("classHistory", [])
        since = history[-1]["period"].get("end") if history else known.get("period", {}).get("start")
        period = {"start": since, "end": self.at} if since else {"end": self.at}
        found["classHistory"] = [*history, {"class": before, "period": _possible(period, ("end",))}]

    def _places(self, found: JSON, known: JSON, late: bool) -> None:
        places: list[JSON] = [dict(one) for one in known.get("location") or []]
        told = found.get("location", [])
        if "location" in found and found["location"] is None:
            return
        if places and (not self.trigger or late):
            found.pop("location", None)  # results and late messages move nobody
            return
        if self.trigger in _BACK:
            places = _returned(places, cancelled=self.trigger == "A12")
        place = dict(told[0]) if told else None
        if place is not None and not (places and _same_place(places[-1], place)):
            places = self._moved(places, place)
        elif self.trigger in _HERE and places and not self.arriving:
            places = _returned(places, cancelled=False)
        if self.trigger in _OVER:
            places = [_left(one, self.at if self.trigger == "A03" else "") for one in places]
        elif self.trigger in ("A21", "A09"):
            places = [{**one, "status": "reserved"} if one.get("status") == "active" else one for one in places]
        if places:
            found["location"] = places

    def _moved(self, places: list[JSON], place: JSON) -> list[JSON]:
        if self.trigger == "A12" and places:
            return [*places[:-1], {**place, "status": "active"}]
        if self.trigger in _EXPECTING or self.arriving:
            kept = [one for one in places if one.get("status") != "planned"]
            return [*kept, {**place, "status": "planned"}]
        since = {"period": {"start": self.at}} if self.trigger not in ("A08", "") and self.at else {}
        kept = [_left(one, self.at) for one in places if one.get("status") != "planned"]
        return [*kept, {**place, "status": "active", **since}]


def moment(text: str) -> float | None:
    """A FHIR date or dateTime as seconds since 1970, read at its beginning; None if it is none, or only a month."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _possible(period: JSON, told: tuple[str, ...]) -> JSON:
    """A period that does not end before it begins: of two times that contradict, the one told now is believed."""
    start, end = moment(period.get("start", "")), moment(period.get("end", ""))
    if start is None or end is None or start <= end:
        return period
    kept = "end" if "end" in told and "start" not in told else "start"
    return {kept: period[kept]}


def _merge(found: JSON, known: JSON, element: str, more: JSON) -> None:
    """An element with parts: those not told stay, those that are None go."""
    if element not in found and not (more and element in known):
        return
    parts: dict[str, Any] = {**known.get(element, {}), **(found.get(element) or {}), **more}
    found[element] = {name: value for name, value in parts.items() if value is not None} or None


def _returned(places: list[JSON], *, cancelled: bool) -> list[JSON]:
    """The last place is where the patient is; with `cancelled`, the one before, and the last never was."""
    if cancelled and len(places) > 1:
        places = places[:-1]
    if not places:
        return places
    last = {**places[-1], "status": "active"}
    if "period" in last:
        last["period"] = {name: value for name, value in last["period"].items() if name != "end"}
        if not last["period"]:
            del last["period"]
    return [*places[:-1], last]


def _left(place: JSON, at: str) -> JSON:
    if place.get("status", "active") not in ("active", "reserved"):
        return place
    period = {"period": _possible({**place.get("period", {}), "end": at}, ("end",))} if at else {}
    return {**place, "status": "completed", **period}


def _same_place(one: JSON, other: JSON) -> bool:
    return same_one(one.get("location", {}), other.get("location", {}))


def _people(found: JSON, known: JSON) -> None:
    """Participants told replace those in the same role; the same people stay as they are referred to already."""
    if "participant" not in found:
        return
    kept: list[JSON] = [dict(one) for one in known.get("participant") or []]
    for told in found["participant"]:
        role = _roles(told)
        like = next((one for one in kept if same_one(one.get("individual", {}), told.get("individual", {}))), None)
        if like is not None and (role & _roles(like) or not _roles(like)):
            continue
        kept = [one for one in kept if not role & _roles(one)]
        if "individual" in told:
            kept.append(told)
    found["participant"] = kept or None


def _roles(participant: JSON) -> set[str]:
    return {coding.get("code", "") for kind in participant.get("type", []) for coding in kind.get("coding", [])}


def _numbers(stored: list[JSON], told: list[JSON]) -> list[JSON]:
    """A visit that gets another number (A06, A07) is still found by the one before."""
    systems = {one.get("system") for one in told}
    values = {one["value"] for one in told}
    past = [one for one in stored if one.get("system") in systems and one.get("value") not in values]
    return [*told, *({**one, "use": "old"} for one in past if one not in told)]
