"""HealtheIntent's API: items by page, errors with details, everything below a population. Sources: notes.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import orjson

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.healtheintent.shown import PLURALS, SHOWN, demographics
from mockehr.personalities.proprietary import Records

_JSON: Final = "application/json"
_LOOKUP: Final = "patient-id-lookup"
_SEARCH: Final = "patient-search"
_WORDS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Refusal(Exception):
    """What a request is refused with."""

    def __init__(self, status: int, where: str, location: str, message: str) -> None:
        super().__init__(message)
        self.status, self.where, self.location, self.message = status, where, location, message


class Population:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "healtheintent"
    bearer = True

    def __init__(self, told: Mapping[str, Any], key: Callable[..., bytes], fhir: str) -> None:
        self._told, self._key, self._fhir = told, key, fhir
        self.population = str(told["population"] or UUID(bytes=key("population")[:16], version=4))
        """The id of the one population that this site has."""
        self.partition = str(told["data_partition"] or UUID(bytes=key("partition")[:16], version=4))
        """The id of the one source of its data."""
        self._versions = {f"/{name}/{version}": name for name, version in told["versions"].items()}

    @property
    def paths(self) -> tuple[str, ...]:
        """See Api: each API with its version, which has to be told."""
        return tuple(self._versions)

    @property
    def routes(self) -> tuple[tuple[str, str, str], ...]:
        """See Api."""
        found = []
        for path, name in self._versions.items():
            within = f"{path}/populations/{{populationId}}"
            if name == "patient":
                found += [
                    ("GET", f"{within}/{_LOOKUP}", _LOOKUP),
                    ("GET", f"{within}/patients/{{patientId}}/demographics", "demographics"),
                    ("POST", f"{within}/{_SEARCH}", _SEARCH),
                ]
            else:
                plural = PLURALS[name]
                found += [
                    ("GET", f"{within}/patients/{{patientId}}/{plural}", plural),
                    ("GET", f"{within}/patients/{{patientId}}/{plural}/{{id}}", f"{plural}/id"),
                ]
        return tuple(found)

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        for method, path, name in self.routes:
            if method == exchange.method and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), exchange.path):
                return Interaction(name)
        return Interaction("unknown")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        try:
            return self._with_id(exchange, self._answer(exchange, records))
        except Refusal as no:
            details = [{"locationType": no.where, "location": no.location, "message": no.message}]
            return self._with_id(exchange, _refused(no.status, details))

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        if problem.status != 401:
            return self._with_id(None, _refused(problem.status, [{"message": problem.text}]))
        missing = "header missing" if problem.kind == "no-token" else "invalid token"
        details = [{"locationType": "header", "location": "Authorization", "message": missing}]
        reply = _refused(401, details)
        realm = str(self._told["host"])
        reply.headers.append(("WWW-Authenticate", f"Bearer realm={realm} OAuth realm={realm}"))
        return self._with_id(None, reply)

    def _with_id(self, exchange: Exchange | None, reply: Reply) -> Reply:
        octets = self._key("correlation", exchange.number if exchange is not None else 0)
        reply.headers.append(("cerner-correlation-id", str(UUID(bytes=octets[:16], version=4))))
        return reply

    def _answer(self, exchange: Exchange, records: Records) -> Reply:
        asked = _asked(exchange)
        root = next(path for path in self.paths if exchange.path.startswith(path + "/") or exchange.path == path)
        parts = exchange.path[len(root) :].strip("/").split("/")
        name = self._versions[root]
        if parts[:2] != ["populations", self.population] or len(parts) < 3:
            raise Refusal(404, "path", "populationId", "population not found")
        if name == "patient" and exchange.method == "POST" and parts[2:] == [_SEARCH]:
            return self._page(exchange, asked, self._searched(exchange, records))
        if exchange.method not in ("GET", "HEAD"):
            raise Refusal(405, "path", "", "method not allowed")
        if name == "patient" and parts[2:] == [_LOOKUP]:
            return self._page(exchange, asked, self._looked_up(asked, records))
        if parts[2] != "patients" or len(parts) < 5:
            raise Refusal(404, "path", "", "resource not found")
        patient = records.read("Patient", parts[3])
        if patient is None:
            raise Refusal(404, "path", "patientId", "patient not found")
        exchange.patient, exchange.returned = parts[3], (f"Patient/{parts[3]}",)
        if name == "patient" and parts[4:] == ["demographics"]:
            return self._page(exchange, asked, [demographics(patient, self.partition, self._key)])
        if name == "patient" or parts[4] != PLURALS[name] or len(parts) > 6:
            raise Refusal(404, "path", "", "resource not found")
        return self._listed(exchange, name, parts, asked, records)

    def _listed(
        self, exchange: Exchange, name: str, parts: list[str], asked: Mapping[str, str], records: Records
    ) -> Reply:
        """The list of one kind, or one of it."""
        kind, show = SHOWN[name]
        found = records.search(kind, urlencode({"patient": parts[3]}), limit=int(self._told["most"]))
        if isinstance(found, Problem):
            raise Refusal(found.status, "path", "", found.text)
        items = [show(one, self.partition) for one in found[1]]
        if len(parts) == 6:
            one = next((item for item in items if item["id"] == parts[5]), None)
            if one is None:
                raise Refusal(404, "path", "id", f"{name} not found")
            exchange.returned = (f"{kind}/{parts[5]}",)
            return Reply(200, [], document=one, content_type=_JSON)
        if "status" in asked:
            wanted = asked["status"].lower().split(",")
            items = [item for item in items if str(item.get("status", "")).lower() in wanted]
        exchange.returned = tuple(f"{kind}/{item['id']}" for item in items)
        return self._page(exchange, asked, items)

    def _looked_up(self, asked: Mapping[str, str], records: Records) -> list[JSON]:
        """Patients by what their source called them."""
        for name in ("dataPartitionId", "sourcePersonId"):
            if name not in asked:
                raise Refusal(400, "query", name, f"{name} is required")
        if asked["dataPartitionId"] != self.partition:
            return []
        found = records.search("Patient", urlencode({"identifier": asked["sourcePersonId"]}), limit=10)
        if isinstance(found, Problem):
            raise Refusal(found.status, "query", "sourcePersonId", found.text)
        return [{"patient": {"id": one["id"]}} for one in found[1]]

    def _searched(self, exchange: Exchange, records: Records) -> list[JSON]:
        """Patients by name, alias, day of birth or telecommunication."""
        try:
            told = orjson.loads(exchange.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, "body", "", "body is not valid JSON") from error
        query = _query(told) if isinstance(told, dict) else {}
        if not query:
            raise Refusal(400, "body", "", "at least one of name, alias, birthDate, or telecom is required")
        found = records.search("Patient", urlencode(query), limit=int(self._told["most"]))
        if isinstance(found, Problem):
            raise Refusal(found.status, "body", "", found.text)
        return [{"id": {"id": one["id"]}} for one in found[1]]

    def _page(self, exchange: Exchange, asked: Mapping[str, str], items: list[JSON]) -> Reply:
        """`items`, `totalResults`, `firstLink` always and `nextLink` where there is more."""
        limit = _limit(asked, int(self._told["default_limit"]), int(self._told["largest_limit"]))
        start = _start(asked.get("cursor", ""))
        parts = urlsplit(exchange.base_url)
        here = f"{parts.scheme}://{parts.netloc}{exchange.path}"
        kept = [(name, value) for name, value in asked.items() if name not in ("cursor", "limit")]
        made: JSON = {"items": items[start : start + limit], "totalResults": len(items)}
        made["firstLink"] = f"{here}?{urlencode([*kept, ('limit', limit)])}"
        if start + limit < len(items):
            cursor = base64.urlsafe_b64encode(f"{start + limit}".encode()).decode().rstrip("=")
            made["nextLink"] = f"{here}?{urlencode([*kept, ('limit', limit), ('cursor', cursor)])}"
        return Reply(200, [], document=made, content_type=_JSON)


def _asked(exchange: Exchange) -> dict[str, str]:
    """The parameters; one without a value is refused."""
    found = {}
    for name, value in parse_qsl(exchange.query, keep_blank_values=True):
        if not value.strip():
            raise Refusal(400, "query", name, f"{name} must not be blank")
        found[name] = value
    return found


def _limit(asked: Mapping[str, str], usual: int, largest: int) -> int:
    text = asked.get("limit", str(usual))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= largest:
        raise Refusal(400, "query", "limit", f"limit must be from 1 to {largest}")
    return int(text)


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise Refusal(400, "query", "cursor", "cursor is not valid") from error


def _query(told: JSON) -> dict[str, str]:
    """The search in FHIR's terms."""
    made: dict[str, str] = {}
    if isinstance(told.get("name"), str):
        made["name"] = told["name"]
    if isinstance(told.get("birthDate"), str):
        made["birthdate"] = told["birthDate"][:10]
    alias = told.get("alias")
    if isinstance(alias, dict) and alias.get("value"):
        system = str(alias.get("system", ""))
        made["identifier"] = f"urn:oid:{system}|{alias['value']}" if system else str(alias["value"])
    if isinstance(told.get("telecom"), str):
        made["telecom"] = told["telecom"]
    return made


def _refused(status: int, details: list[JSON]) -> Reply:
    told = {"code": status, "message": _WORDS.get(status, "Error"), "errorDetails": details}
    return Reply(status, [], document=told, content_type=_JSON)
