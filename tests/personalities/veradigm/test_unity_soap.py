"""Veradigm's Unity over SOAP. Sources: personalities/veradigm/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.personalities.markup import Element, read_markup
from mockehr.personalities.veradigm.unity.door import LOGGED_OUT

House = Callable[..., Any]
SOAP = "/Unity/UnityService.svc/unityservice"
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


def call(site: Any, name: str, **told: str) -> Element:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in told.items())
    body = ENVELOPE.format(f'<{name} xmlns="http://www.allscripts.com/Unity">{inner}</{name}>')
    reply = site.ask("POST", SOAP, body=body.encode(), content_type="text/xml")
    assert reply.status == 200
    assert reply.header("content-type") == "text/xml; charset=utf-8"
    found = read_markup(reply.body).find("Body")
    assert found is not None
    return found.children[0]


def token(site: Any) -> str:
    given = call(site, "GetSecurityToken", Username="clinician", Password="x", Appname="Test.App")
    return given.said("GetSecurityTokenResult")


@pytest.mark.behaviour("veradigm", "unity-soap")
def test_soap_gives_the_rows_of_json_in_a_diffgram(house: House) -> None:
    site = house("veradigm", 12)
    magic = call(site, "Magic", Action="GetPatient", UserID="clinician", PatientID="2", Token=token(site), data="")
    assert magic.name == "MagicResponse"
    schema, diffgram = magic.children[0].children
    assert schema.get("id") == "getpatientresponse"
    [row] = diffgram.children[0].children
    assert (diffgram.name, row.name, row.get("id"), row.get("rowOrder")) == (
        "diffgram",
        "getpatientinfo",
        "getpatientinfo1",
        "0",
    )
    body = {"Action": "GetPatient", "AppUserID": "clinician", "PatientID": "2", "Token": token(site)}
    same = site.ask("POST", "/Unity/UnityService.svc/json/MagicJson", body=orjson.dumps(body))
    assert {one.name: one.text for one in row.children} == {
        name: value.strip() for name, value in orjson.loads(same.body)[0]["getpatientinfo"][0].items()
    }
    assert [one.get("name") for one in schema.every("element")][2:] == [one.name for one in row.children]


def test_faults_say_what_json_says_as_an_error(house: House) -> None:
    site = house("veradigm", 12)
    fault = call(site, "Magic", Action="GetProviders", UserID="clinician", Token="none")
    assert fault.name == "Fault"
    assert fault.said("faultstring") == f"Magic Error - Action: GetProviders - {LOGGED_OUT}"
    assert call(site, "Dance").name == "Fault"
    assert site.ask("POST", SOAP, body=b"<!DOCTYPE a><a/>").body.count(b"Fault") == 2


def test_a_token_is_retired_over_soap(house: House) -> None:
    site = house("veradigm", 12)
    given = token(site)
    assert call(site, "Magic", Action="GetServerInfo", Token=given).name == "MagicResponse"
    assert call(site, "RetireSecurityToken", Token=given, Appname="x").name == "RetireSecurityTokenResponse"
    assert call(site, "Magic", Action="GetServerInfo", Token=given).name == "Fault"
