"""NextGen Office's API for groups of patients, which are then exported. Sources: notes.md, section Bulk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem, not_found
from mockehr.personalities.nextgen_office.outcome import refusal
from mockehr.personalities.proprietary import Records

ROUTES: Final = (
    ("GET", "/$patient-search", "patient-search"),
    ("POST", "/Group", "create-group"),
    ("GET", "/Group", "groups"),
    ("GET", "/Group/{id}", "group"),
    ("PUT", "/Group/{id}", "update-group"),
    ("DELETE", "/Group/{id}", "delete-group"),
)
_FOR_EVER: Final = 100 * 365 * 86400.0
_MOST: Final = 100_000
_DATE: Final = re.compile(r"(?:eq|ge|gt|le|lt)?\d{4}(?:-\d\d(?:-\d\d)?)?")
JSON_TYPE: Final = "application/fhir+json"


class GroupsApi:
    """`$patient-search` and Group below the base for bulk data (`mockehr.personalities.proprietary.Api`)."""

    bearer = True
    name = "nextgen-office-bulk"

    def __init__(self, base: str, fhir: str, prefix: str, settings: Mapping[str, Any]) -> None:
        self._base = base
        self._fhir = fhir
        self._prefix = prefix
        self._quota = int(settings["quota"])
        self._page = int(settings["page"])

    @property
    def paths(self) -> Sequence[str]:
        """Its base."""
        return (self._base,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return tuple((method, self._base + path, what) for method, path, what in ROUTES)

    def interaction(self, exchange: Exchange) -> Interaction:
        """`patient-search`, `create-group` …, or `unknown`."""
        what, id = self._route(exchange)
        return Interaction(what, "Patient" if what == "patient-search" else "Group", id)

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        what, id = self._route(exchange)
        refused = _forbidden(exchange)
        if refused is not None:
            return refusal(refused)
        if what == "patient-search":
            found = self._searched(exchange, records)
        elif what == "create-group":
            found = self._created(exchange, records)
        elif what == "groups":
            found = self._all(exchange, records)
        elif what in ("group", "update-group", "delete-group"):
            found = self._one(what, id, exchange, records)
        else:
            found = Problem(404, "not-found", f"{exchange.method} {exchange.path} is not offered")
        return refusal(found) if isinstance(found, Problem) else found

    def refuse(self, problem: Problem) -> Reply:
        """An OperationOutcome."""
        reply = refusal(problem)
        if problem.status == 401:
            reply.headers.append(("WWW-Authenticate", "Bearer"))
        return reply

    def _route(self, exchange: Exchange) -> tuple[str, str]:
        below = exchange.path.removeprefix(self._base)
        group = re.fullmatch(r"/Group/([^/]+)", below)
        for method, path, what in ROUTES:
            if method == exchange.method and (path == below or (group is not None and path == "/Group/{id}")):
                return what, group[1] if group is not None else ""
        return "unknown", ""

    def _searched(self, exchange: Exchange, records: Records) -> Reply | Problem:
        """Patients, a page of them; 404 where nobody is found."""
        told = dict(parse_qsl(exchange.query, keep_blank_values=True))
        page, since, chart = told.get("page", "1"), told.get("encDate", ""), told.get("patientChartNo", "")
        if not (page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page)):
            return Problem(400, "parameter-invalid", f"page is {page!r}", parameter="page")
        if since and not _DATE.fullmatch(since):
            return Problem(400, "parameter-invalid", f"encDate is {since!r}", parameter="encDate")
        query = [("_has:Encounter:patient:date", since)] if since else []
        if chart:
            query.append(("_id", chart.removeprefix(self._prefix) if chart.startswith(self._prefix) else "-"))
        offset = (int(page) - 1) * self._page
        found = records.search("Patient", urlencode(query), offset=offset, limit=self._page + 1)
        if isinstance(found, Problem):
            return found
        if not found[1]:
            return Problem(404, "not-found", "No patients found")
        patients = found[1][: self._page]
        exchange.returned = tuple(f"Patient/{one['id']}" for one in patients)
        following = int(page) + 1 if len(found[1]) > self._page else 0
        return _json(200, self._bundle(exchange, patients, found[0], following))

    def _bundle(self, exchange: Exchange, resources: Sequence[JSON], total: int | None, following: int = 0) -> JSON:
        root = exchange.base_url.removesuffix(self._fhir)
        here = f"{root}{exchange.path}"
        links = [{"relation": "self", "url": f"{here}?{exchange.query}" if exchange.query else here}]
        if following:
            kept = [pair for pair in parse_qsl(exchange.query, keep_blank_values=True) if pair[0] != "page"]
            links.append({"relation": "next", "url": f"{here}?{urlencode([*kept, ('page', following)])}"})
        entries = [{"fullUrl": f"{root}{self._fhir}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
        made: JSON = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        return made if total is None else {**made, "total": total}

    def _created(self, exchange: Exchange, records: Records) -> Reply | Problem:
        body = _body(exchange)
        if isinstance(body, Problem):
            return body
        ids = _ids(body.get("patientIds"), records)
        if isinstance(ids, Problem):
            return ids
        mine = _mine(exchange, records)
        if len(mine) >= self._quota:
            return Problem(403, "conflict", f"Maximum number of groups ({self._quota}) reached")
        group = _group(str(body.get("name") or "Group"), ids)
        made = records.create(exchange, group)
        if isinstance(made, Problem):
            return made
        records.keep("groups", exchange.client, [*mine, made["id"]], _FOR_EVER)
        exchange.returned = (f"Group/{made['id']}",)
        root = exchange.base_url.removesuffix(self._fhir)
        return _json(201, made, [("Location", f"{root}{self._base}/Group/{made['id']}")])

    def _all(self, exchange: Exchange, records: Records) -> Reply | Problem:
        found = [group for id in _mine(exchange, records) if (group := records.read("Group", id)) is not None]
        if not found:
            return Problem(404, "not-found", "No groups found")
        return _json(200, self._bundle(exchange, found, len(found)))

    def _one(self, what: str, id: str, exchange: Exchange, records: Records) -> Reply | Problem:
        """What concerns one group of the client's own."""
        mine = _mine(exchange, records)
        group = records.read("Group", id) if id in mine else None
        if group is None:
            return not_found("Group", id)
        exchange.returned = (f"Group/{id}",)
        if what == "group":
            return _json(200, group)
        if what == "delete-group":
            done = records.update(exchange, {**_group(str(group.get("name", "")), []), "id": id, "active": False})
            records.keep("groups", exchange.client, [one for one in mine if one != id], _FOR_EVER)
            return done if isinstance(done, Problem) else Reply(200, [], b"")
        changed = _changed(group, exchange, records)
        done = changed if isinstance(changed, Problem) else records.update(exchange, changed)
        return done if isinstance(done, Problem) else _json(200, done)


def _forbidden(exchange: Exchange) -> Problem | None:
    """Apps of one patient have no groups, nor has who may not read patients."""
    scopes = exchange.scopes
    if not isinstance(scopes, Scopes):
        return None
    if exchange.patient or exchange.own or not scopes.allows("Patient", "read"):
        return Problem(403, "scope-missing", "Forbidden operation", resource_type="Group")
    return None


def _mine(exchange: Exchange, records: Records) -> list[str]:
    return list(records.kept("groups", exchange.client) or ())


def _body(exchange: Exchange) -> JSON | Problem:
    try:
        found = orjson.loads(exchange.body)
    except orjson.JSONDecodeError:
        return Problem(400, "body-invalid", "The body is not JSON")
    if not isinstance(found, dict) or found.get("resourceType") != "Group":
        return Problem(422, "body-invalid", "The body is not a Group")
    return found


def _ids(told: object, records: Records, *, wanted: bool = True) -> list[str] | Problem:
    """Ids of patients; 422 for what is none."""
    if told is None and not wanted:
        return []
    if not isinstance(told, list) or (wanted and not told) or len(told) > _MOST:
        return Problem(422, "body-invalid", "patientIds must be a list of patient ids")
    ids = [str(one) for one in told if isinstance(one, (str, int)) and not isinstance(one, bool)]
    strange = [one for one in ids if records.read("Patient", one) is None]
    if strange or len(ids) < len(told):
        return Problem(422, "body-invalid", f"Invalid patient ids: {', '.join(strange[:10]) or 'not texts'}")
    return list(dict.fromkeys(ids))


def _group(name: str, ids: Sequence[str]) -> JSON:
    made: JSON = {"resourceType": "Group", "active": True, "type": "person", "actual": True, "name": name[:200]}
    made["quantity"] = len(ids)
    members = [{"entity": {"reference": f"Patient/{id}"}} for id in ids]
    return {**made, "member": members} if members else made


def _changed(group: JSON, exchange: Exchange, records: Records) -> JSON | Problem:
    """The group with `patientIdsToInclude` in it and `patientIdsToExclude` out of it."""
    body = _body(exchange)
    if isinstance(body, Problem):
        return body
    more = _ids(body.get("patientIdsToInclude"), records, wanted=False)
    fewer = _ids(body.get("patientIdsToExclude"), records, wanted=False)
    if isinstance(more, Problem):
        return more
    if isinstance(fewer, Problem):
        return fewer
    present = [one["entity"]["reference"].rpartition("/")[2] for one in group.get("member", ())]
    kept = [id for id in dict.fromkeys([*present, *more]) if id not in fewer]
    return {**_group(str(body.get("name") or group.get("name", "Group")), kept), "id": group["id"]}


def _json(status: int, document: JSON, headers: list[tuple[str, str]] | None = None) -> Reply:
    return Reply(status, headers or [], document=document, content_type=JSON_TYPE)
