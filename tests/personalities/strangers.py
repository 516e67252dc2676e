"""Somebody signed in at every API that vendors have beside FHIR, and requests that nobody should send there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import orjson
from tests.personalities.conftest import House

from mockehr import personalities
from mockehr.core.exchange import Exchange
from mockehr.personalities.advancedmd.ppmd.actions import ACTIONS as PPMD
from mockehr.personalities.load import personality_names
from mockehr.personalities.proprietary import Api
from mockehr.personalities.veradigm.unity.actions import ACTIONS as UNITY
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client

_FIRST = 7
"""Place of a patient among a stranger's ids."""
SECRET = "s3cret-of-nobody"
_WORD = re.compile(r"\"([@$]?[A-Za-z][\w.\-\[\]]{1,30})\"")
TEXTS = (
    *("", " ", "\0", "é\u202e\ufffe", "9" * 3000, "-1", "0", "1e400", "x" * 20_000, "../../etc/passwd", "a\r\nB: c"),
    *("%00", "1,2", "|", "*", "'", "\\", "0000-00-00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-01-05", "01/05/2026", "12/31/9999", "01/01/0001", "2026-01-05T10:00:00Z", "10:00", "true", "1", "2"),
    *("0001-01-01", "9999-12-31", "1/1/1", "20260105", "99:99", "1000000000000000000", "²", "١"),
)
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    5,
    -5,
    10**18,
    1.5,
    1e308,
    [],
    {},
    [[]],
    ["x"],
    [None],
    {"a": 1},
    [{"a": [1]}],
    [{}],
)
RAW = (
    b"",
    b"\0",
    b"\xff\xfe<\0",
    b"[" * 5000,
    b'{"a":' * 5000 + b"1",
    b"<a>" * 5000,
    b"null",
    b"[]",
    b"[1]",
    b'"x"',
    b"5",
    b"{}",
    b"1e999",
    b"%ff%00=%",
    b"&" * 3000 + b"=",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<?xml version='1.0' encoding='utf-7'?><a/>",
    b"<?xml version='1.0' encoding='utf-16'?><a/>",
    b"<a b='1' b='2'/>",
    b"x" * 1_000_000,
)


@dataclass
class Stranger:
    """Somebody who is known at one API of one site, and does not behave."""

    site: Site
    api: Api
    words: list[str]
    ids: list[str]
    headers: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, query: str = "", headers: Any = None, body: bytes = b"") -> Exchange:
        """What the site does about a request."""
        found = channel_of(self.site, path)
        channel, within = found or ("proprietary", path)
        base = f"https://{self.site.name}.example.org{self.site.fhir_path.rstrip('/')}"
        exchange = Exchange(
            channel, method, within, query, dict(headers or {}), body, base_url=base, peer="192.0.2.1"
        )
        if found is not None:
            self.site.handle(exchange)
        return exchange


@cache
def built(vendor: str) -> House:
    """A site where nothing is open to all, in front of another one if the vendor does that."""
    directory = Directory()
    for name in ("south", "west"):
        directory.add(build_site(SiteOptions(name, patients=4, stepped=True, open_access=True)))
    fronts = ("south", "west") if vendor in ("nexhealth", "redox") else ()
    patients = 0 if fronts else 4
    site = build_site(SiteOptions("north", vendor, patients=patients, stepped=True, fronts=fronts))
    directory.add(site)
    register_demo_client(site)
    register_demo_client(site, "stranger", secret=SECRET)
    register_demo_client(site, "other", secret=SECRET)
    return House(site)


def apis() -> list[tuple[str, str]]:
    """(vendor, API) of all that come with mockehr."""
    return [(vendor, api.name) for vendor in personality_names() for api in _apis(built(vendor).site)]


def _apis(site: Site) -> list[Api]:
    return list(site.personality.apis(site.facts))


@cache
def stranger(vendor: str, api: str) -> Stranger:
    """Somebody at that API."""
    house = built(vendor)
    found = next(one for one in _apis(house.site) if one.name == api)
    made = Stranger(house.site, found, words_of(vendor), _ids(house.site))
    _SIGNING.get(api, _bearer)(made, house)
    if api == "healthlake-control":
        made.headers += [{"x-amz-target": f"HealthLake.{name}"} for _, _, name in found.routes]
    return made


def _ids(site: Site) -> list[str]:
    found = ["1", "2", "1.2", "north", "south", "west", "Patient/1"]
    assert len(found) == _FIRST
    where = site if site.front is None or not site.front.behind else site.front.behind[0].site
    if where is not None and where.charts is not None and where.charts.size:
        found += [where.charts.patient_id(index) for index in range(2)]
        for kind in ("Practitioner", "Appointment", "Encounter", "Location", "Slot", "Organization", "Condition"):
            looked = where.store.base.shared(kind) or where.charts.chart(found[-1], kind)
            found += [one.id for one in list(looked)[:1]]
    return found + [one.rpartition("-")[2] for one in found[_FIRST:] if "-" in one]


def words_of(vendor: str) -> list[str]:
    """What stands in the code of a vendor as text: names of parameters, members and actions among it."""
    folder = Path(personalities.__file__).parent / vendor
    found = {text for path in folder.rglob("*.py") for text in _WORD.findall(path.read_text())}
    return sorted(found)


# signing in


def _bearer(made: Stranger, house: House) -> None:
    made.headers.append({"authorization": house.bearer(_SCOPES), "x-api-key": SECRET})


def _ppmd(made: Stranger, house: House) -> None:
    site: Any = house.site
    told = {"@action": "login", "@username": "stranger", "@psw": SECRET, "@appname": "APP"}
    body = orjson.dumps({"ppmdmsg": {**told, "@officecode": site.personality.office}})
    reply = made.ask("POST", "/processrequest/api-801/app/xmlrpc/processrequest.aspx", body=body).reply
    assert reply is not None
    token = orjson.loads(reply.body)["PPMDResults"]["Results"]["usercontext"]["#text"]
    made.tokens.append(token)
    made.headers.append({"cookie": f"token={token}", "authorization": f"Bearer {token}"})


def _portal(made: Stranger, house: House) -> None:
    site: Any = house.site
    told = {"username": "patient", "password": SECRET, "officekey": site.personality.office}
    reply = made.ask("POST", "/pt-api/authenticate", headers={"apikey": SECRET}, body=orjson.dumps(told)).reply
    assert reply is not None
    told = orjson.loads(reply.body)
    made.tokens.append(told["token"])
    made.headers.append({"apikey": SECRET, "authorization": told["token"]})


def _unity(made: Stranger, house: House) -> None:
    told = {"Username": "stranger", "Password": SECRET, "Appname": "A"}
    reply = made.ask("POST", "/Unity/UnityService.svc/json/GetToken", body=orjson.dumps(told)).reply
    assert reply is not None
    made.tokens.append(reply.body.decode().strip('"'))
    made.headers.append({"content-type": "application/json"})


def _nextgen(made: Stranger, house: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "stranger", "client_secret": SECRET, "site_id": "s"}
    reply = made.ask("POST", "/nge/prod/nge-oauth/token", body=urlencode(form).encode()).reply
    assert reply is not None
    token = orjson.loads(reply.body)["access_token"]
    told, body = {"authorization": f"Bearer {token}"}, b'{"practiceId":"0001","enterpriseId":"00001"}'
    reply = made.ask("PUT", "/nge/prod/nge-api/api/users/me/login-defaults", headers=told, body=body).reply
    assert reply is not None
    made.tokens += [token, reply.header("X-NG-SessionId")]
    made.headers.append({**told, "x-ng-sessionid": made.tokens[-1]})


def _nexhealth(made: Stranger, house: House) -> None:
    told = {"nex-api-version": "v3.0.0"}
    reply = made.ask("POST", "/authenticates", headers={**told, "authorization": f"stranger.{SECRET}"}).reply
    assert reply is not None
    made.tokens.append(orjson.loads(reply.body)["data"]["token"])
    made.headers.append({**told, "authorization": f"Bearer {made.tokens[-1]}"})


def _redox_keys(made: Stranger, house: House) -> None:
    body = orjson.dumps({"apiKey": "stranger", "secret": SECRET})
    reply = made.ask("POST", "/auth/authenticate", body=body).reply
    assert reply is not None
    told = orjson.loads(reply.body)
    made.tokens += [told["accessToken"], told["refreshToken"]]
    again = orjson.dumps({"apiKey": "stranger", "refreshToken": told["refreshToken"]})
    made.ask("POST", "/auth/refreshToken", body=again)
    _bearer(made, house)


def _ema(made: Stranger, house: House) -> None:
    form = {"grant_type": "password", "client_id": "stranger", "client_secret": SECRET, "username": "clinician"}
    path = made.api.routes[0][1]
    reply = made.ask("POST", path, body=urlencode({**form, "password": SECRET}).encode()).reply
    assert reply is not None
    told = orjson.loads(reply.body)
    made.tokens += [told["access_token"], told["refresh_token"]]
    again = {"grant_type": "refresh_token", "client_id": "stranger", "refresh_token": told["refresh_token"]}
    made.ask("POST", path, body=urlencode(again).encode())
    _bearer(made, house)


_KINDS = (
    "Observation",
    "Parameters",
    "Group",
    "Appointment",
    "ChargeItem",
    "Coverage",
    "DocumentReference",
    "Patient",
)
_SCOPES = "system/*.cruds athena/service/Athenanet.MDP.* acl/enc_s acl/pat_s_name_dob_gen"
_SIGNING = {
    "ppmdmsg": _ppmd,
    "scheduler": _ppmd,
    "application-access": _portal,
    "unity": _unity,
    "nextgen-enterprise": _nextgen,
    "nexhealth-synchronizer": _nexhealth,
    "redox-legacy-auth": _redox_keys,
    "ema-tokens": _ema,
}


# what nobody should send


def request_of(who: Stranger, draw: Random) -> tuple[str, str, str, dict[str, str], bytes]:
    """(method, path, query, headers, body): somewhere near to what the API takes."""
    routes = list(who.api.routes) or [("GET", path, "") for path in who.api.paths]
    method, path, name = draw.choice([*routes, *routes[1::2]])
    for hole in re.findall(r"\{\w+\}", path):
        value = draw.choice(who.ids) if draw.random() < 0.8 else str(_value(who, draw))[:3000]
        value = _holes(who, draw).get(hole, value) if draw.random() < 0.8 else value
        path = path.replace(hole, value.replace("/", "%2F"), 1)
    if draw.random() < 0.1:
        path += draw.choice(["/", "//", "/../..", "/%00", "/x", "/" + "a/" * 500, ".", "\udce9"])
    if draw.random() < 0.1:
        method = draw.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "X"])
    members = _members(who, draw)
    members |= {key: value for key, value in _USUAL.get(who.api.name, {}).items() if draw.random() < 0.8}
    query = urlencode({key: str(value)[:2000] for key, value in members.items()}) if draw.random() < 0.6 else ""
    headers = dict(draw.choice(who.headers))
    if draw.random() < 0.1:
        headers = {key: str(_value(who, draw)) for key in headers}
    bodies = list(_bodies(who, draw, name, _members(who, draw)))
    near = bodies[2:] if len(bodies) > 2 and draw.random() < 0.8 else bodies
    body = draw.choice(RAW) if draw.random() < 0.1 else draw.choice(near)
    if name == "RetireSecurityToken":  # else nothing would be answered from then on
        body = body.replace(who.tokens[0].encode(), b"x")
    return method, path, query, headers, body


_USUAL: dict[str, dict[str, Any]] = {
    "application-access": {"patientid": "18546791"},
    "athenaone-v1": {"departmentid": "2", "patientid": "60178", "reasonid": "-1", "providerid": "2"},
    "nexhealth-synchronizer": {
        "subdomain": "south",
        "location_id": "1001",
        "start": "2026-01-01T00:00:00Z",
        "end": "2027-01-01T00:00:00Z",
        "start_date": "2026-01-06",
    },
}


def _holes(who: Stranger, draw: Random) -> dict[str, str]:
    return {
        "{populationId}": getattr(who.api, "population", ""),
        "{patientId}": who.ids[_FIRST],
        "{personId}": who.ids[_FIRST],
        "{patientid}": who.ids[_FIRST].rpartition("-")[2],
        "{app}": "app",
        "{type}": draw.choice(_KINDS),
    }


def _value(who: Stranger, draw: Random, deep: int = 2) -> Any:
    kind = draw.randrange(9)
    if kind < 3:
        return draw.choice(who.ids)
    if kind == 3:
        return draw.choice(who.words)
    if kind == 4:
        return draw.choice(ODD)
    if kind == 5 and deep:
        return {draw.choice(who.words): _value(who, draw, deep - 1) for _ in range(draw.randrange(4))}
    if kind == 6 and deep:
        return [_value(who, draw, deep - 1) for _ in range(draw.randrange(3))]
    return draw.choice(TEXTS)


def _members(who: Stranger, draw: Random) -> dict[str, Any]:
    count = min(draw.choice([0, 2, 5, 20, 60]), len(who.words))
    return {name: _value(who, draw) for name in draw.sample(who.words, count)}


def _flat(value: Any) -> Any:
    return orjson.dumps(value) if isinstance(value, (dict, list)) else value


def _bodies(who: Stranger, draw: Random, name: str, members: dict[str, Any]) -> Iterator[bytes]:
    """Forms of these members: as a form, as JSON, and as the API wraps them."""
    yield urlencode({key: _flat(value) for key, value in members.items()}).encode()
    yield orjson.dumps(members)
    match who.api.name:
        case "ppmdmsg":
            yield from _ppmd_bodies(who, draw, members)
        case "unity":
            yield from _unity_bodies(who, draw, members)
        case "redox-data-model":
            model, _, event = name.rpartition(" ")
            meta = {"DataModel": model, "EventType": event, "Destinations": [{"Name": "south"}]}
            yield orjson.dumps({**members, "Meta": meta, **_message(who, draw)})
        case "nexhealth-synchronizer":
            for one in ("appt", "patient"):
                yield orjson.dumps({one: members, "provider": {"provider_id": draw.choice(who.ids)}})
        case "healow-tracker" | "ema-fhir-v2" | "nextgen-office-bulk":
            subject = {"reference": f"Patient/{who.ids[_FIRST]}"}
            yield orjson.dumps({**members, "resourceType": draw.choice(_KINDS), "subject": subject})


def _ppmd_bodies(who: Stranger, draw: Random, members: dict[str, Any]) -> Iterator[bytes]:
    action = draw.choice(list(PPMD))
    plain = {f"@{key.lstrip('@')}": value for key, value in members.items()} | {"@action": action}
    said = "".join(
        f" {key[1:].split('[')[0]}={quoteattr(str(one)[:500])}" for key, one in plain.items() if key != "@action"
    )
    yield orjson.dumps({"ppmdmsg": {**members, **plain, "@patientid": who.ids[_FIRST]}})
    yield orjson.dumps({"ppmdmsg": {**members, **plain}})
    inner = f"<usercontext>{who.tokens[0]}</usercontext>"
    yield f"<ppmdmsg action='{action}'{said}>{inner}</ppmdmsg>".encode("utf-8", "replace")


def _unity_bodies(who: Stranger, draw: Random, members: dict[str, Any]) -> Iterator[bytes]:
    values = [*members.values(), *[None] * 6]
    told = {f"Parameter{number + 1}": value for number, value in enumerate(values[:6])}
    told |= {"Action": draw.choice(list(UNITY)), "AppUserID": "stranger", "Token": who.tokens[0], "PatientID": "1"}
    yield orjson.dumps(told)
    yield orjson.dumps({**told, "PatientID": values[0]})
    said = "".join(f"<{key}>{escape(str(value)[:500])}</{key}>" for key, value in told.items())
    yield f"<Envelope><Body><Magic>{said}</Magic></Body></Envelope>".encode("utf-8", "replace")


def _message(who: Stranger, draw: Random) -> dict[str, Any]:
    def some(*names: str) -> dict[str, Any]:
        return {name: _value(who, draw) for name in names if draw.random() < 0.7}

    known = [{"IDType": "FHIR", "ID": draw.choice(who.ids)}]
    return {
        "Patient": {
            "Identifiers": draw.choice([known, known, _value(who, draw)]),
            "Demographics": some("FirstName", "LastName", "DOB", "Sex", "PhoneNumber", "EmailAddresses", "Address"),
        },
        "Visit": some("VisitNumber", "VisitDateTime", "Duration", "Reason", "Location", "AttendingProvider"),
        "Note": some("ContentType", "FileContents", "DocumentType", "Components", "DocumentationDateTime"),
        "Media": some("FileType", "FileName", "FileContents", "DocumentType"),
        "Orders": draw.choice([[some("ID", "Results", "Status", "Procedure")], _value(who, draw)]),
        **some("StartDateTime", "EndDateTime", "Document", "Results"),
    }
