"""The Data Model API: one address for all messages, which name their destination and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Behind
from mockehr.personalities.proprietary import Records
from mockehr.personalities.redox import documents, patients, results, scheduling, summary
from mockehr.personalities.redox.errand import Errand, Failed, Invalid, Writer, objects

ENDPOINT: Final = "/endpoint"
MODELS: Final[Mapping[tuple[str, str], Writer]] = {
    ("PatientSearch", "Query"): patients.search,
    ("PatientAdmin", "NewPatient"): patients.create,
    ("PatientAdmin", "PatientUpdate"): patients.update,
    ("Clinical Summary", "PatientQuery"): summary.query,
    ("Scheduling", "Booked"): scheduling.booked,
    ("Scheduling", "New"): scheduling.book,
    ("Scheduling", "Reschedule"): scheduling.reschedule,
    ("Scheduling", "Modification"): scheduling.reschedule,
    ("Scheduling", "Cancel"): scheduling.cancel,
    ("Scheduling", "NoShow"): scheduling.miss,
    ("Notes", "New"): documents.note,
    ("Media", "New"): documents.media,
    ("Results", "New"): results.new,
}
"""Data model and event type → what is done at the destination."""
QUERIES: Final = frozenset(
    {("PatientSearch", "Query"), ("Clinical Summary", "PatientQuery"), ("Scheduling", "Booked")}
)
"""Those that are answered, and can have one destination only."""


class DataModel:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "redox-data-model"
    paths = (ENDPOINT,)
    bearer = True

    def __init__(self, told: Mapping[str, Any], site: str) -> None:
        self._told = told
        self._site = site

    @property
    def routes(self) -> list[tuple[str, str, str]]:
        """One address for everything."""
        return [("POST", ENDPOINT, f"{model} {event}") for model, event in MODELS]

    def interaction(self, exchange: Exchange) -> Interaction:
        """The data model and the event type, as the message has them."""
        meta = _meta(_object(exchange.body) or {})
        named = f"{meta.get('DataModel', '')} {meta.get('EventType', '')}".strip()[:100]
        return Interaction(named or "message")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """`Meta`, and what was asked for; `Meta.Errors` says what went wrong."""
        if exchange.method != "POST":
            return self._refused(exchange, records, {}, int(self._told["missing"]["verb"]), "Use the POST verb")
        if len(exchange.body) > int(self._told["largest"]):
            return self._refused(exchange, records, {}, 413, "Payload Too Large")
        body = _object(exchange.body)
        if body is None:
            return self._refused(exchange, records, {}, 400, "The body is no JSON object")
        meta = _meta(body)
        key = str(meta.get("DataModel", "")), str(meta.get("EventType", ""))
        if key not in MODELS:
            text = f"The event type {' '.join(key).strip() or '(none)'} is not known"
            return self._refused(exchange, records, meta, int(self._told["missing"]["event"]), text)
        asked = objects(meta.get("Destinations"))
        found = [(one, self._destination(one, records)) for one in asked]
        if not found or any(behind is None for _, behind in found):
            text = "No destination is named" if not found else "A destination is not known"
            return self._refused(exchange, records, meta, int(self._told["missing"]["destination"]), text)
        if key in QUERIES and len(found) > 1:
            text = "Invalid synchronous destination: more than one synchronous destination was specified"
            return self._refused(exchange, records, meta, 400, text)
        return self._done(exchange, records, body, [behind for _, behind in found if behind is not None])

    def refuse(self, problem: Problem) -> Reply:
        """A refusal of the site's: no token, too many requests."""
        error = {"Text": problem.text, "Type": "message", "Module": "API"}
        return Reply(problem.status, document={"Meta": {"Errors": [error]}}, content_type=JSON_MEDIA)

    def _done(self, exchange: Exchange, records: Records, body: JSON, behind: list[Behind]) -> Reply:
        """Do what the message wants at every destination."""
        meta = _meta(body)
        do = MODELS[str(meta["DataModel"]), str(meta["EventType"])]
        content: JSON = {}
        errors: list[JSON] = []
        status = 200
        for one in behind:
            errand = Errand(exchange, records, one, float(self._told["patience"]), int(self._told["pages"]))
            try:
                content |= do(errand, body)
            except Invalid as invalid:
                status = 400
                errors.append(self._error(records, invalid.text, "message", "DataModels"))
            except Failed as failed:
                answer = failed.answer
                if answer.why == "timeout" and len(behind) == 1:
                    return self._refused(exchange, records, meta, 504, answer.text)
                passed = answer.status in self._told["data_model_passed"]
                status = max(status, 400 if passed and len(behind) == 1 else int(self._told["partial"]))
                errors.append(self._error(records, answer.text, "transmission", "Send"))
        told = self._meta_of(records, meta, behind, errors)
        return Reply(status, document={**content, "Meta": told}, content_type=JSON_MEDIA)

    def _refused(self, exchange: Exchange, records: Records, meta: JSON, status: int, text: str) -> Reply:
        told = self._meta_of(records, meta, [], [self._error(records, text, "message", "DataModels")])
        exchange.notes["refused"] = text
        return Reply(status, document={"Meta": told}, content_type=JSON_MEDIA)

    def _meta_of(self, records: Records, meta: JSON, behind: list[Behind], errors: list[JSON]) -> JSON:
        """`Meta` of an answer; the ids of messages are as good as drawn."""
        number = records.number("redox messages")
        made: JSON = {name: meta[name] for name in ("DataModel", "EventType") if name in meta}
        made["Message"] = {"ID": _number(records, "message", number)}
        made["Source"] = {"ID": _uuid(self._site, "source"), "Name": self._site}
        if behind:
            made["Destinations"] = [
                {"ID": _uuid(self._site, "destination", one.name), "Name": one.name} for one in behind
            ]
            if self._told["logs"]:
                made["Logs"] = [{"ID": _uuid(self._site, "log", one.name, str(number))} for one in behind]
        return made | ({"Errors": errors} if errors else {})

    def _error(self, records: Records, text: str, kind: str, module: str) -> JSON:
        number = records.number("redox errors")
        return {"ID": _number(records, "error", number), "Text": text, "Type": kind, "Module": module}

    def _destination(self, asked: JSON, records: Records) -> Behind | None:
        """The site that an entry of `Meta.Destinations` means: by the id that answers have, its slug, or its name."""
        named = (str(asked.get("ID") or ""), str(asked.get("Name") or ""))
        slugs = dict(str(one).split("=", 1) for one in self._told["destinations"] if "=" in str(one))
        for one in records.behind:
            if {_uuid(self._site, "destination", one.name), slugs.get(one.name, one.name), one.name} & set(named):
                return one
        return None


JSON_MEDIA: Final = "application/json; charset=utf-8"


def _meta(body: JSON) -> JSON:
    found = body.get("Meta")
    return found if isinstance(found, dict) else {}


def _object(body: bytes) -> JSON | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _uuid(site: str, *names: str) -> str:
    """As the webhooks of the same site have it (`mockehr.events.forms.redox`)."""
    return str(uuid5(NAMESPACE_URL, "/".join(("redox", site, *names))))


def _number(records: Records, kind: str, number: int) -> int:
    return int.from_bytes(records.key("redox", kind, number)[:4], "big")
