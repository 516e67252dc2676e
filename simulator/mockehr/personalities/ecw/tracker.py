"""healow's program for remote monitoring: what vendors of devices post to it. Sources: notes.md, section Tracker.

Known are the two addresses and the identifier systems. What a notification of an order looks like beyond the answer
to an order (Parameters with `order_number` and `status`), and how both are answered, is a choice in the same style.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import orjson

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.ecw.outcome import hapi_outcome
from mockehr.personalities.proprietary import Records

SYSTEMS: Final = "https://healow.com/fhir/tracker/"
_STATUSES: Final = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
_MEDIA: Final = "application/fhir+json"
NOTIFICATIONS: Final = "order/notifications"
OBSERVATION: Final = "Observation"


class Tracker:
    """The API below `path`."""

    name = "healow-tracker"
    bearer = True

    def __init__(self, path: str) -> None:
        self._path = path.rstrip("/")

    @property
    def paths(self) -> Sequence[str]:
        """See Api."""
        return (self._path,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (
            ("POST", f"{self._path}/{NOTIFICATIONS}", "order-notification"),
            ("POST", f"{self._path}/{OBSERVATION}", "observation"),
        )

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        below = exchange.path.removeprefix(f"{self._path}/")
        if below == OBSERVATION:
            return Interaction("observation", "Observation")
        return Interaction("order-notification" if below == NOTIFICATIONS else "unknown", "DeviceRequest")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        below = exchange.path.removeprefix(f"{self._path}/")
        if below not in (OBSERVATION, NOTIFICATIONS):
            return self.refuse(Problem(404, "not-found", f"Unknown address {exchange.path[:100]}"))
        if exchange.method != "POST":
            return self.refuse(Problem(405, "interaction-unknown", "Only POST is supported", where="POST"))
        kind, action = ("Observation", "create") if below == OBSERVATION else ("DeviceRequest", "update")
        scopes = exchange.scopes
        if isinstance(scopes, Scopes) and (scopes.narrow or not scopes.allows(kind, action)):
            return self.refuse(Problem(403, "scope-missing", f"The token does not cover {action} of {kind}"))
        try:
            told = orjson.loads(exchange.body)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            return self.refuse(Problem(400, "body-invalid", "The body is no JSON object"))
        done = _observe(exchange, records, told) if below == OBSERVATION else _notify(exchange, records, told)
        return self.refuse(done) if isinstance(done, Problem) else done

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        headers = [("WWW-Authenticate", "Bearer")] if problem.status == 401 else []
        if problem.retry_after:
            headers.append(("Retry-After", problem.retry_after))
        if problem.status == 405 and problem.where:
            headers.append(("Allow", problem.where))
        return Reply(problem.status, headers, document=hapi_outcome(problem.text), content_type=_MEDIA)


def _notify(exchange: Exchange, records: Records, told: JSON) -> Reply | Problem:
    """What became of an order: its status, or else a note."""
    if told.get("resourceType") != "Parameters":
        return Problem(400, "body-invalid", "Parameters are expected")
    number, status = _parameter(told, "order_number"), _parameter(told, "status")
    if not number or not status:
        return Problem(400, "body-invalid", "order_number and status are required")
    order = _order(records, number)
    if order is None:
        return Problem(404, "not-found", f"Order {number[:64]} is not known")
    if status in _STATUSES:
        changed = {**order, "status": status}
    else:
        changed = {**order, "note": [*order.get("note", ()), {"text": status[:1000]}]}
    stored = records.update(exchange, changed)
    if isinstance(stored, Problem):
        return stored
    exchange.returned = (f"DeviceRequest/{stored['id']}",)
    answer = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "order_number", "valueString": number},
            {"name": "status", "valueString": "received"},
        ],
    }
    return Reply(200, [], document=answer, content_type=_MEDIA)


def _observe(exchange: Exchange, records: Records, told: JSON) -> Reply | Problem:
    """A measurement, into the chart of whom its subject names."""
    if told.get("resourceType") != "Observation":
        return Problem(400, "body-invalid", "An Observation is expected")
    patient = _patient(records, told.get("subject"))
    if not patient:
        return Problem(404, "not-found", "The subject is not known")
    exchange.patient = patient
    stored = records.create(exchange, {**told, "subject": {"reference": f"Patient/{patient}", "type": "Patient"}})
    if isinstance(stored, Problem):
        return stored
    where = f"Observation/{stored['id']}"
    exchange.returned = (where,)
    return Reply(201, [("Location", f"{exchange.base_url}/{where}")], document=stored, content_type=_MEDIA)


def _parameter(told: JSON, name: str) -> str:
    listed = told.get("parameter")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("name") == name:
            return str(one.get("valueString") or one.get("valueCode") or "")
    return ""


def _order(records: Records, number: str) -> JSON | None:
    found = records.search("DeviceRequest", f"identifier={quote(f'{SYSTEMS}order|{number}', safe='')}", limit=1)
    if not isinstance(found, Problem) and found[1]:
        return found[1][0]
    return records.read("DeviceRequest", number)


def _patient(records: Records, subject: object) -> str:
    """The id of a patient by reference, or by the number that the program has for patients, which is that id."""
    if not isinstance(subject, dict):
        return ""
    kind, _, id = str(subject.get("reference", "")).rpartition("/")
    identifier = subject.get("identifier")
    if not id and isinstance(identifier, dict) and identifier.get("system") == f"{SYSTEMS}patient":
        kind, id = "Patient", str(identifier.get("value", ""))
    known = kind.rpartition("/")[2] == "Patient" and records.read("Patient", id) is not None
    return id if known else ""
