"""The Synchronizer API: one envelope for everything, institutions by subdomain, locations by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Behind
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.nexhealth import calendar, people
from mockehr.personalities.nexhealth.asked import Asked, Refusal
from mockehr.personalities.nexhealth.copied import DRAWER, sync_of
from mockehr.personalities.proprietary import Records

MEDIA: Final = "application/vnd.Nexhealth+json;version=2"
AUTHENTICATES: Final = "/authenticates"
_CALLS: Final = {
    ("GET", "/institutions"): "institutions",
    ("GET", "/locations"): "locations",
    ("GET", "/providers"): "providers",
    ("GET", "/patients"): "patients",
    ("GET", "/patients/{id}"): "patients/id",
    ("POST", "/patients"): "patients/create",
    ("GET", "/appointments"): "appointments",
    ("GET", "/appointments/{id}"): "appointments/id",
    ("POST", "/appointments"): "appointments/create",
    ("PATCH", "/appointments/{id}"): "appointments/update",
    ("GET", "/availabilities"): "availabilities",
    ("GET", "/appointment_slots"): "appointment_slots",
    ("GET", "/sync_status"): "sync_status",
}
DENIED: Final = "You don't have access to perform this action."


class Synchronizer:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "nexhealth-synchronizer"
    paths = (AUTHENTICATES, *dict.fromkeys("/" + path.split("/")[1] for _, path in _CALLS))
    routes = (
        ("POST", AUTHENTICATES, "authenticates"),
        *((method, path, name) for (method, path), name in _CALLS.items()),
    )
    bearer = False

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def interaction(self, exchange: Exchange) -> Interaction:
        """The collection, and what is done with it."""
        return Interaction(_named(exchange)[0] or exchange.path.split("/")[1])

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """In the envelope, whatever it is."""
        try:
            version = self._version(exchange)
            if exchange.path == AUTHENTICATES:
                return self._authenticate(exchange, records)
            exchange.client = str(records.kept(DRAWER, f"token {_bearer(exchange)}") or "")
            if not exchange.client:
                raise Refusal(401, "Invalid Credentials")
            name, id = _named(exchange)
            if not name:
                raise Refusal(404, "Not found")
            return self._call(name, id, exchange, records, version)
        except Refusal as refusal:
            return _envelope(refusal.status, None, [refusal.text], code=False)

    def refuse(self, problem: Problem) -> Reply:
        """A refusal of the site's in the envelope."""
        return _envelope(problem.status, None, [problem.text], code=False)

    def _version(self, exchange: Exchange) -> str:
        """Which version of the API is asked for; raises Refusal without one."""
        told = exchange.headers.get("nex-api-version", "").strip()
        if not told and "version=2" in exchange.headers.get("accept", "").replace(" ", ""):
            told = "v2"
        if told not in self._told["versions"]:
            raise Refusal(404, "Not found")
        if told == "v2" and self._told["least_version"]:
            raise Refusal(403, f"API version 'v2' is below the minimum allowed {self._told['least_version']}")
        return told

    def _authenticate(self, exchange: Exchange, records: Records) -> Reply:
        """A bearer token for an API key, which is `{client id}.{secret}` of a registered client."""
        if exchange.method != "POST":
            raise Refusal(404, "Not found")
        key = exchange.headers.get("authorization", "").strip()
        client, _, secret = key.partition(".")
        if not secret or not records.client(client, secret):
            raise Refusal(401, "Invalid Credentials")
        exchange.client = client
        token = records.key("token", client, str(records.number("nexhealth tokens"))).hex()
        records.keep(DRAWER, f"token {token}", client, float(self._told["token_lifetime"]))
        return _envelope(200, {"token": token}, [], description="Authenticated")

    def _call(self, name: str, id: str, exchange: Exchange, records: Records, version: str) -> Reply:
        query = parse_qsl(exchange.query, keep_blank_values=True)
        if name == "institutions":
            found = [self._place(one, index)["institution"] for index, one in enumerate(records.behind)]
            return _envelope(200, found, [], count=len(found))
        asked = self._asked(exchange, records, dict(query), query, version)
        if name == "locations":
            place = {key: value for key, value in asked.place.items() if key != "institution"}
            return _envelope(200, [place], [], count=1)
        if name == "sync_status":
            return _envelope(200, [self._sync_status(asked)], [], count=1)
        status, data, more = (people.CALLS.get(name) or calendar.CALLS[name])(asked, id)
        return _envelope(status, data, [], description=asked.remarks(), **more)

    def _asked(
        self, exchange: Exchange, records: Records, named: dict[str, str], query: list[tuple[str, str]], version: str
    ) -> Asked:
        """The institution and the location that a call is for; raises Refusal."""
        if not named.get("subdomain"):
            raise Refusal(400, "Missing parameter: subdomain")
        slugs = dict(str(one).split("=", 1) for one in self._told["subdomains"] if "=" in str(one))
        for index, behind in enumerate(records.behind):
            if slugs.get(behind.name, behind.name) == named["subdomain"]:
                place = self._place(behind, index)
                if named.get("location_id") not in (None, "", str(place["id"])):
                    raise Refusal(404, "Location not found")
                return Asked(exchange, records, behind, place, self._told, query, version)
        raise Refusal(403, DENIED)

    def _place(self, behind: Behind, index: int) -> JSON:
        """The one location of an institution."""
        slugs = dict(str(one).split("=", 1) for one in self._told["subdomains"] if "=" in str(one))
        subdomain = slugs.get(behind.name, behind.name)
        institution = {"id": 101 + index, "name": behind.name, "subdomain": subdomain}
        return {
            "id": 1001 + index,
            "name": behind.name,
            "institution_id": institution["id"],
            "tz": self._told["timezone"],
            "inactive": False,
            "map_by_operatory": False,
            "institution": institution,
        }

    def _sync_status(self, asked: Asked) -> JSON:
        sync = sync_of(asked.records, asked.behind)
        place = asked.place
        return {
            "institution_id": place["institution_id"],
            "sync_source_type": "DataSource",
            "sync_source_name": asked.behind.name,
            "emr": {"id": 1, "name": asked.behind.name, "display_name": asked.behind.name, "type": "cloud"},
            "read_status": sync.read,
            "read_status_at": asked.moment(sync.read_at),
            "write_status": sync.write,
            "write_status_at": asked.moment(sync.write_at),
            "locations": [{"id": place["id"], "name": place["name"]}],
        }


def _named(exchange: Exchange) -> tuple[str, str]:
    """What is called, and the id in its path."""
    parts = exchange.path.strip("/").split("/")
    shape = f"/{parts[0]}" + ("/{id}" if len(parts) == 2 else "") if len(parts) <= 2 else ""
    return _CALLS.get((exchange.method, shape), ""), parts[1] if len(parts) == 2 else ""


def _bearer(exchange: Exchange) -> str:
    """The token; some clients send it without the word in front."""
    told = exchange.headers.get("authorization", "")
    return told[7:].strip() if told[:7].lower() == "bearer " else ""


def _envelope(
    status: int, data: Any, error: list[str], *, code: bool = True, description: str | None = None, **more: Any
) -> Reply:
    document = {"code": code, "description": description, "error": error, "data": data, **more}
    return Reply(status, body=to_bytes(document), content_type=MEDIA)
