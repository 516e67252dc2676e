"""Apps, users, approvals and openings by control operations, and a launch driven over the control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from starlette.testclient import TestClient

from mockehr.api.control import ControlApi
from mockehr.api.reach import reach_of
from mockehr.control.facade import Control, operations
from mockehr.core.errors import UnknownName, UsageError
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.testing.world import World

CALLBACK = "http://app.example.org/callback"
APP = "http://app.example.org/launch?tenant=1"
ADDRESS = "http://ehr.example.org"


def control(**options: Any) -> Control:
    directory = Directory()
    directory.add(build_site(SiteOptions("a", patients=3, stepped=True, **options)))
    return Control(directory)


def test_apps_are_registered_and_listed_with_how_they_prove_themselves() -> None:
    asked = control()
    asked.call("app add", site="a", client_id="public", redirect_uris=[CALLBACK], title="Growth Chart")
    asked.call("app add", site="a", client_id="secret", redirect_uris=CALLBACK, secret="s", scopes="patient/*.rs")
    asked.call("app add", site="a", client_id="keys", redirect_uris=[CALLBACK], keys=True)
    listed = asked.call("app list", site="a")["apps"]
    assert [(one["client_id"], one["methods"]) for one in listed] == [
        ("public", ["none"]),
        ("secret", ["client_secret_basic", "client_secret_post", "client_secret_jwt"]),
        ("keys", ["private_key_jwt"]),
    ]
    assert (listed[0]["name"], listed[1]["scopes"], listed[1]["redirect_uris"]) == (
        "Growth Chart", "patient/*.rs", [CALLBACK],
    )  # fmt: skip
    assert "s" not in listed[1].values()
    with pytest.raises(UsageError, match="mockehr app remove a public"):
        asked.call("app add", site="a", client_id="public", redirect_uris=["http://other.example.org/"])
    with pytest.raises(UsageError, match="no address to come back to"):
        asked.call("app add", site="a", client_id="x", redirect_uris=["callback"])


def test_an_app_that_was_taken_away_may_be_registered_otherwise() -> None:
    asked = control()
    asked.call("app add", site="a", client_id="app", redirect_uris=[CALLBACK])
    assert asked.call("app remove", site="a", client_id="app")["redirect_uris"] == [CALLBACK]
    assert asked.call("app list", site="a")["apps"] == []
    asked.call("app add", site="a", client_id="app", redirect_uris=[CALLBACK + "2"])
    with pytest.raises(UnknownName, match="nearest: app"):
        asked.call("app remove", site="a", client_id="ap")


@pytest.mark.parametrize("reference", ["Practitoner/1", "Practitioner", "Organization/1"])
def test_only_people_sign_in(reference: str) -> None:
    with pytest.raises(UsageError, match="nobody who signs in"):
        control().call("user add", site="a", username="x", reference=reference)


def test_users_are_added_and_listed_without_their_passwords() -> None:
    asked = control()
    asked.call("user add", site="a", username="aunt", reference="RelatedPerson/r1", password="pw", patients="p0,p1")
    users = {one["username"]: one for one in asked.call("user list", site="a")["users"]}
    assert (users["aunt"]["patients"], users["aunt"]["password"]) == (["p0", "p1"], True)
    assert users["clinician"]["password"] is False
    assert "pw" not in str(users)


def test_an_opening_tells_the_address_to_load_and_how_a_browser_treats_it() -> None:
    asked = control()
    opened = asked.call("app open", site="a", app=APP, address=ADDRESS, patient="p1")
    told = {name: values[0] for name, values in parse_qs(urlsplit(opened["url"]).query).items()}
    assert told == {"tenant": "1", "iss": f"{ADDRESS}/a/fhir/R4", "launch": opened["launch"]}
    assert (opened["cookies"], opened["popups"], opened["callbacks"]) == (True, True, 1)
    asked.directory.get("a").arm({"use": "blocked-cookies"})
    assert asked.call("app open", site="a", app=APP, address=ADDRESS)["cookies"] is False


def test_over_http_the_address_is_the_one_that_was_asked() -> None:
    asked = control()
    with TestClient(ControlApi(asked.directory), base_url="http://ehr.example.org:8080") as client:
        opened = client.post("/_mockehr/sites/a/launches", json={"app": APP}).json()
        told = client.post("/_mockehr/sites/a/launches", json={"app": APP, "address": "https://proxy/x/"}).json()
    assert opened["iss"] == "http://ehr.example.org:8080/a/fhir/R4"
    assert told["iss"] == "https://proxy/x/a/fhir/R4"


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"patient": "p9"}, UnknownName, "no patient named 'p9'"),
        ({"user": "clinicain"}, UnknownName, "nearest: clinician"),
        ({"client_id": "x"}, UnknownName, "no client named 'x'"),
        ({"patient": "p0", "encounter": "e"}, UnknownName, "encounter"),
        ({"user": "patient", "patient": "p2"}, UsageError, "may not open the record"),
        ({"app": "app"}, UsageError, "no address of an app"),
        ({"address": "here"}, UsageError, "no address of a server"),
    ],
)
def test_an_opening_that_cannot_be_is_refused(arguments: dict[str, Any], kind: type[Exception], said: str) -> None:
    asked = control()
    with pytest.raises(kind, match=said):
        asked.call("app open", site="a", **{"app": APP, "address": ADDRESS} | arguments)
    assert len(asked.directory.get("a").journal) == 0


def test_an_approval_lets_an_app_in_until_it_is_withdrawn() -> None:
    asked = control()
    asked.call("app add", site="a", client_id="app", redirect_uris=[CALLBACK])
    asked.call("approval add", site="a", client_id="app", patient="p1", withhold="patient/*.cruds")
    kept = asked.directory.get("a").auth.launches.approved("app")
    assert kept is not None
    assert (kept.patient, kept.withheld, kept.approved) == ("p1", ("patient/*.cruds",), True)
    asked.call("approval remove", site="a", client_id="app")
    with pytest.raises(UsageError, match="Nothing is approved ahead for 'app'"):
        asked.call("approval remove", site="a", client_id="app")
    with pytest.raises(UnknownName, match="nearest: app"):
        asked.call("approval remove", site="a", client_id="ap")


def test_a_launch_over_the_control_api_registers_drives_and_records(
    mockehr: World, smart_app: Callable[..., Any]
) -> None:
    app, site = smart_app(), mockehr.site("oracle", patients=2)
    [patient, _] = site.patient_ids()
    body = {"app": app.url, "client_id": "app", "redirect_uri": app.callback, "patient": patient}
    record = _posted(f"{mockehr.url}/_mockehr/sites/{site.name}/launch", body)
    assert (record["outcome"], record["stopped"], len(record["hops"])) == ("completed", "landed", 4)
    assert record["iss"] == site.fhir_url
    assert record["asked"]["patient"] == app.tokens[0]["patient"] == patient
    assert _posted(f"{mockehr.url}/_mockehr/sites/{site.name}/launch", body)["outcome"] == "completed"
    refused = _posted(f"{mockehr.url}/_mockehr/sites/{site.name}/launch", body | {"client_id": ""}, status=400)
    assert "client id" in refused["what"]


def test_several_workers_open_apps_and_refuse_to_drive_them() -> None:
    reaches = {name: reach_of(operations().get(name)) for name in ("app add", "app list", "app open", "user add")}
    assert reaches == {"app add": "everywhere", "app list": "here", "app open": "here", "user add": "everywhere"}
    with pytest.raises(UsageError, match=r"while several workers serve(.|\n)*Use mockehr launch"):
        reach_of(operations().get("app launch"))


def _posted(url: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    import httpx2

    answer = httpx2.post(url, json=body, timeout=30, trust_env=False)
    assert answer.status_code == status, answer.text
    return dict(orjson.loads(answer.content))


def test_what_is_approved_ahead_is_listed_until_it_is_taken_back() -> None:
    asked = control()
    asked.call("app add", site="a", client_id="app", redirect_uris=[CALLBACK])
    asked.call("approval add", site="a", client_id="app", user="nurse", withhold=["openid"], deny=True)
    told = {"client_id": "app", "user": "nurse", "patient": "", "encounter": "", "withhold": ["openid"], "deny": True}
    assert asked.call("approval list", site="a") == {"approvals": [told]}
    asked.call("approval remove", site="a", client_id="app")
    assert asked.call("approval list", site="a") == {"approvals": []}


def test_somebody_who_was_struck_off_signs_in_no_more() -> None:
    asked = control()
    asked.call("user add", site="a", username="joe", reference="Practitioner/d1")
    for name in ("joe", "nurse"):
        assert asked.call("user remove", site="a", username=name)["username"] == name
    assert {"joe", "nurse"}.isdisjoint(one["username"] for one in asked.call("user list", site="a")["users"])
    with pytest.raises(UnknownName):
        asked.call("user remove", site="a", username="joe")
