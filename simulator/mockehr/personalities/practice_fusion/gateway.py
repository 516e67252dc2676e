"""What stands before and beside Practice Fusion's FHIR server. Sources: notes.md.

The gateway, the discovery document of patients' apps, and the API of personal health records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records

_JSON: Final = "application/json"
_CRITERIA: Final = ("family", "given", "birthdate", "gender", "phone", "email", "identifier")
MOST: Final = 20
"""Patients that an answer of several names at most."""


class Gateway:
    """Kong before everything below `/fhir` that no practice has."""

    name = "gateway"
    bearer = False
    paths: Sequence[str] = ("/fhir",)

    def __init__(self, patients: str, configuration: Callable[[str], JSON], request_id: Callable[..., str]) -> None:
        """`patients` is the path of the patients' discovery document, `configuration` makes it for a FHIR base."""
        self._patients = patients
        self._configuration = configuration
        self._request_id = request_id

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("GET", self._patients, "smart-configuration"),)

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        return Interaction("smart-configuration" if exchange.path == self._patients else "unrouted")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        if exchange.path == self._patients and exchange.method in ("GET", "HEAD"):
            return Reply(200, [], document=self._configuration(exchange.base_url), content_type=_JSON)
        return self._unrouted(exchange.number)

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        if problem.status != 404:
            return Reply(problem.status, [], document={"message": problem.text}, content_type=_JSON)
        return self._unrouted(0)

    def _unrouted(self, number: int) -> Reply:
        told = {"message": "no Route matched with those values", "request_id": self._request_id(number)}
        return Reply(404, [], document=told, content_type="application/json; charset=utf-8")


class HealthRecords:
    """The API of personal health records: one patient by criteria.

    That more than one match is 300, and that 422 is called Bad Request, is known; what it is asked and what it
    answers else is a choice in FHIR's names.
    """

    name = "phr"
    bearer = True

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def paths(self) -> Sequence[str]:
        """See Api."""
        return (self._path,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("GET", self._path, "phr-patient"),)

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        return Interaction("phr-patient", "Patient")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        if exchange.path != self._path:
            return self.refuse(Problem(404, "not-found", "Not Found"))
        if exchange.method != "GET":
            return self.refuse(Problem(405, "interaction-unknown", "Method Not Allowed", where="GET"))
        scopes = exchange.scopes
        if isinstance(scopes, Scopes) and (scopes.narrow or not scopes.allows("Patient", "search")):
            return self.refuse(Problem(403, "scope-missing", "Forbidden"))
        pairs = [pair for pair in parse_qsl(exchange.query) if pair[0] in _CRITERIA]
        found = records.search("Patient", urlencode(pairs), limit=MOST) if pairs else None
        if found is None or isinstance(found, Problem):
            text = found.text if isinstance(found, Problem) else "No criteria"
            return self.refuse(Problem(422, "parameter-invalid", text))
        matches = found[1]
        exchange.returned = tuple(f"Patient/{one['id']}" for one in matches)
        if not matches:
            return self.refuse(Problem(404, "not-found", "Not Found"))
        if len(matches) > 1:
            listed = [{"id": one["id"]} for one in matches]
            return Reply(300, [], document={"status": 300, "patients": listed}, content_type=_JSON)
        exchange.patient = str(matches[0]["id"])
        return Reply(200, [], document=matches[0], content_type=_JSON)

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        headers = [("WWW-Authenticate", "Bearer")] if problem.status == 401 else []
        title = "Bad Request" if problem.status == 422 else problem.text
        told = {"status": problem.status, "title": title, "detail": problem.text}
        return Reply(problem.status, headers, document=told, content_type=_JSON)
