"""NextGen's own API: which path is what. Sources: notes.md, section Native API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.nextgen.native import access
from mockehr.personalities.nextgen.native.answers import Faulty, body_of, empty, message, plain, told
from mockehr.personalities.nextgen.native.charts import LISTS, balances_of, item_of, query_of
from mockehr.personalities.nextgen.native.odata import Asked, asked_for, compared
from mockehr.personalities.nextgen.native.persons import REQUIRED, changed, person_of, required
from mockehr.personalities.nextgen.patient import NUMBERS
from mockehr.personalities.proprietary import Records

ROUTES: Final = (
    ("PUT", "/users/me/login-defaults", "login-defaults"),
    ("GET", "/persons", "persons"),
    ("POST", "/persons", "create-person"),
    ("GET", "/persons/lookup", "lookup-persons"),
    ("GET", "/persons/{personId}", "person"),
    ("PATCH", "/persons/{personId}", "update-person"),
    ("GET", "/persons/{personId}/chart/balances", "balances"),
    ("GET", "/persons/{personId}/chart/{list}", "chart-list"),
)
_QUICK: Final = {
    "PersonNumber": "personNumber",
    "MedicalRecordNumber": "medicalRecordNumber",
    "PhoneNumber": "homePhone",
}
_LOOKED_UP: Final = ("firstName", "lastName", "dateOfBirth", "sex", "city", "zip", "emailAddress")
_LOOKUP_MOST: Final = 100
_OWN_NUMBERS: Final = 900_000_000_000
"""Above it lie the numbers of persons who are created."""


class NativeApi:
    """NextGen Enterprise API (`mockehr.personalities.proprietary.Api`); `base` and `token` are paths."""

    bearer = False
    name = "nextgen-enterprise"

    def __init__(self, base: str, token: str, fhir: str, settings: Mapping[str, Any], *, silent_quota: bool) -> None:
        self._base = base
        self._token = token
        self._fhir = fhir
        self._settings = settings
        self._silent_quota = silent_quota

    @property
    def paths(self) -> Sequence[str]:
        """Its base, and the token endpoint of its own."""
        return (self._base, self._token)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("POST", self._token, "token"), *((method, self._base + path, what) for method, path, what in ROUTES))

    def interaction(self, exchange: Exchange) -> Interaction:
        """`token`, `persons`, `create-person` … or `unknown`."""
        what, holes = self._route(exchange)
        return Interaction(what, "Patient" if "personId" in holes else "", holes.get("personId", ""))

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        what, holes = self._route(exchange)
        try:
            return self._perform(what, holes, exchange, records)
        except Faulty as fault:
            return fault.reply

    def refuse(self, problem: Problem) -> Reply:
        """A used-up quota is an empty success; all else has a message."""
        if problem.kind == "rate-limited" and self._silent_quota:
            return empty()
        reply = message(problem.status, problem.text)
        if problem.retry_after:
            reply.headers.append(("Retry-After", problem.retry_after))
        return reply

    def _route(self, exchange: Exchange) -> tuple[str, dict[str, str]]:
        if exchange.path == self._token:
            return ("token" if exchange.method == "POST" else "method"), {}
        parts = exchange.path.removeprefix(self._base).strip("/").split("/")
        found = "unknown"
        for method, path, what in ROUTES:
            wanted = path.strip("/").split("/")
            holes = {name[1:-1]: part for name, part in zip(wanted, parts, strict=False) if name.startswith("{")}
            fits = all(one.startswith("{") or one == part for one, part in zip(wanted, parts, strict=False))
            if fits and len(wanted) == len(parts):
                if method == exchange.method:
                    return what, holes
                found = "method"
        return found, {}

    def _perform(self, what: str, holes: Mapping[str, str], exchange: Exchange, records: Records) -> Reply:
        if what == "token":
            return access.issue_token(exchange, records, self._settings)
        if what == "login-defaults":
            return access.set_login_defaults(exchange, records, self._settings)
        access.in_session(exchange, records)
        if what == "persons":
            return self._persons(exchange, records)
        if what == "lookup-persons":
            return self._looked_up(exchange, records)
        if what == "create-person":
            return self._created(exchange, records)
        if what in ("unknown", "method"):
            return (
                plain(404, "The resource cannot be found.")
                if what == "unknown"
                else plain(405, "Method not allowed.")
            )
        return self._of_person(what, holes, exchange, records)

    def _of_person(self, what: str, holes: Mapping[str, str], exchange: Exchange, records: Records) -> Reply:
        id = holes["personId"]
        patient = records.read("Patient", id)
        if patient is None:
            return message(404, "The person was not found.")
        exchange.patient = id
        exchange.returned = (f"Patient/{id}",)
        if what == "person":
            return told(person_of(patient, self._root(exchange)))
        if what == "balances":
            return told(balances_of(records, id))
        if what == "chart-list":
            return self._listed(holes["list"], id, exchange, records)
        done = records.update(exchange, changed(patient, body_of(exchange)))
        return message(400, done.text) if isinstance(done, Problem) else empty()

    def _persons(self, exchange: Exchange, records: Records) -> Reply:
        asked = self._asked(exchange)
        found = records.search("Patient", asked.query, offset=asked.skip, limit=asked.top + 1)
        if isinstance(found, Problem):
            return message(400, found.text)
        total, patients = found
        exchange.returned = tuple(f"Patient/{one['id']}" for one in patients[: asked.top])
        return self._page(exchange, asked, total, [person_of(one, self._root(exchange)) for one in patients])

    def _listed(self, name: str, person: str, exchange: Exchange, records: Records) -> Reply:
        if name not in LISTS:
            return plain(404, "The resource cannot be found.")
        kind, category = LISTS[name]
        parameters = [pair for pair in self._parameters(exchange) if pair[0] not in ("$filter", "$orderby")]
        asked = asked_for(parameters, page=int(self._settings["page"]), largest=int(self._settings["largest"]))
        found = records.search(kind, query_of(person, category), offset=asked.skip, limit=asked.top + 1)
        if isinstance(found, Problem):
            return message(400, found.text)
        total, resources = found
        exchange.returned = tuple(f"{kind}/{one['id']}" for one in resources[: asked.top])
        return self._page(exchange, asked, total, [item_of(one, person) for one in resources])

    def _page(self, exchange: Exchange, asked: Asked, total: int | None, items: list[JSON]) -> Reply:
        """`Items`, `Count` where it was asked for, `NextPageLink` where there is more."""
        made: JSON = {"Items": items[: asked.top]}
        if asked.counted and total is not None:
            made["Count"] = total
        if len(items) > asked.top:
            kept = [pair for pair in self._parameters(exchange) if pair[0] not in ("$skip", "$top")]
            query = urlencode([*kept, ("$top", asked.top), ("$skip", asked.skip + asked.top)], safe="$',:()")
            made["NextPageLink"] = f"{self._site(exchange)}{exchange.path}?{query}"
        return told(made)

    def _looked_up(self, exchange: Exchange, records: Records) -> Reply:
        """A bare array of those who fit everything that is given."""
        given = dict(self._parameters(exchange))
        pairs = [compared(name, "eq", given[name]) for name in _LOOKED_UP if given.get(name)]
        quick = given.get("quickSearchId", "")
        if quick:
            if quick not in _QUICK or not given.get("quickSearchInput"):
                return message(400, "quickSearchId and quickSearchInput are not valid.")
            pairs.append(compared(_QUICK[quick], "eq", given["quickSearchInput"]))
        if not pairs:
            return message(400, "At least one search criterion is required.")
        found = records.search("Patient", urlencode(pairs), limit=_LOOKUP_MOST)
        if isinstance(found, Problem):
            return message(400, found.text)
        exchange.returned = tuple(f"Patient/{one['id']}" for one in found[1])
        return told([person_of(one, self._root(exchange)) for one in found[1]])

    def _created(self, exchange: Exchange, records: Records) -> Reply:
        """A new person, unless there is one alike and nobody said that this does not matter."""
        fields = body_of(exchange)
        required(fields, REQUIRED)
        patient = changed({"resourceType": "Patient", "active": True}, fields)
        if fields.get("IgnoreDuplicatePersons") is not True:
            alike = [
                ("lastName", fields["LastName"]),
                ("firstName", fields["FirstName"]),
                ("dateOfBirth", patient["birthDate"]),
            ]
            found = records.search("Patient", urlencode([compared(name, "eq", one.strip()) for name, one in alike]))
            if not isinstance(found, Problem) and found[1]:
                return message(409, "A person with the same name and date of birth exists already.")
        number = {"use": "usual", "system": NUMBERS, "value": str(_OWN_NUMBERS + records.number("persons"))}
        patient["identifier"] = [number, *patient.get("identifier", ())]
        made = records.create(exchange, patient)
        if isinstance(made, Problem):
            return message(400, made.text)
        exchange.patient, exchange.returned = made["id"], (f"Patient/{made['id']}",)
        reply = told(person_of(made, self._root(exchange)), 201)
        reply.headers.append(("Location", f"{self._root(exchange)}/persons/{made['id']}"))
        return reply

    def _asked(self, exchange: Exchange) -> Asked:
        settings = self._settings
        return asked_for(self._parameters(exchange), page=int(settings["page"]), largest=int(settings["largest"]))

    def _parameters(self, exchange: Exchange) -> list[tuple[str, str]]:
        return parse_qsl(exchange.query, keep_blank_values=True)

    def _site(self, exchange: Exchange) -> str:
        return exchange.base_url.removesuffix(self._fhir)

    def _root(self, exchange: Exchange) -> str:
        return self._site(exchange) + self._base
