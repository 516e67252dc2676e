"""Release trains at a site: from its time on, everything that it answers is of the new release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mockehr.config.document import Document
from mockehr.config.explain import validate
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.fhir.xml import from_xml
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured
from mockehr.sites.expected import everybody, truth_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/fhir/R4"
DAY = 86400.0
PATIENT: Mapping[str, Any] = {"resourceType": "Patient", "maritalStatus": {"text": "M"}, "birthDate": "1980-01-01"}


def open_site(vendor: str = "generic", upgrade: Any = "own", **own: Any) -> Site:
    """Its clock starts on 2026-01-05 at noon."""
    return build_site(
        SiteOptions(
            "a",
            vendor,
            patients=8,
            stepped=True,
            open_access=True,
            upgrade=upgrade,
            settings={"upgrades": {"own": own}} if own else {},
        )
    )


def ask(site: Site, request: str, body: Any = None, **headers: str) -> Exchange:
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    octets = orjson.dumps(body) if body is not None else b""
    return site.handle(Exchange("fhir", method, path, query, told, octets, base_url=BASE))


def read(site: Site, request: str, **headers: str) -> dict[str, Any]:
    reply = ask(site, request, **headers).reply
    assert reply is not None
    assert reply.status == 200, reply.body
    return dict(orjson.loads(reply.body))


def status(site: Site, request: str, body: Any = None) -> int:
    reply = ask(site, request, body).reply
    assert reply is not None
    return reply.status


def patient(site: Site, index: int = 1) -> str:
    assert site.charts is not None
    return site.charts.patient_id(index)


RENAME: dict[str, Any] = {"fields": [{"resource": "Patient", "rename": "maritalStatus", "to": "civilStatus"}]}
SOON: dict[str, Any] = {"at": "2026-01-10", **RENAME}


def test_it_takes_effect_between_two_exchanges_and_the_journal_notes_it() -> None:
    site = open_site(**SOON)
    path = f"GET /Patient/{patient(site)}"
    assert "maritalStatus" in read(site, path)
    site.clock.advance(5 * DAY)
    first = ask(site, path)
    assert first.notes["upgraded"] == ["own"]
    assert first.reply is not None
    after = orjson.loads(first.reply.body)
    assert "civilStatus" in after
    assert "maritalStatus" not in after
    assert "upgraded" not in ask(site, path).notes
    assert site.upgrades.taken == ["own"]
    assert site.upgrades.to_come == []


def test_it_is_told_at_whichever_door_somebody_knocks_first() -> None:
    site = open_site(**SOON)
    site.clock.advance(6 * DAY)
    exchange = site.handle(Exchange("discovery", path="/.well-known/smart-configuration", base_url=BASE))
    assert exchange.notes["upgraded"] == ["own"]
    assert "civilStatus" in read(site, f"GET /Patient/{patient(site)}")


def test_without_a_date_it_is_there_from_the_start() -> None:
    for upgrade, own in (("own", RENAME), ({"own": None}, SOON), ({"own": "2025-12-01"}, SOON)):
        site = open_site(upgrade=upgrade, **own)
        assert site.upgrades.taken == ["own"]
        assert "civilStatus" in read(site, f"GET /Patient/{patient(site)}")


def test_reads_searches_histories_writes_and_bundles_show_the_same() -> None:
    site = open_site(**RENAME)
    created = ask(site, "POST /Patient", PATIENT).reply
    assert created is not None
    assert "civilStatus" in orjson.loads(created.body)
    id = orjson.loads(created.body)["id"]
    found = read(site, f"GET /Patient?_id={id}")["entry"][0]["resource"]
    listed = read(site, f"GET /Patient/{id}/_history")["entry"][0]["resource"]
    versioned = read(site, f"GET /Patient/{id}/_history/1")
    everything = read(site, f"GET /Patient/{id}/$everything")["entry"][0]["resource"]
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": f"Patient/{id}"}}],
    }
    reply = ask(site, "POST /", batch).reply
    assert reply is not None
    batched = orjson.loads(reply.body)["entry"][0]["resource"]
    assert found == listed == versioned == everything == batched == orjson.loads(created.body)
    for _ in range(2):
        included = read(site, f"GET /Observation?patient={patient(site)}&_include=Observation:subject&_count=1")
        people = [one["resource"] for one in included["entry"] if one["search"]["mode"] == "include"]
        assert people
        assert all("civilStatus" in one and "maritalStatus" not in one for one in people)


def test_elements_and_xml_have_the_new_name() -> None:
    site = open_site(**RENAME)
    path = f"/Patient/{patient(site)}"
    assert "civilStatus" in read(site, f"GET {path}?_elements=civilStatus")
    assert (
        "civilStatus" in read(site, f"GET /Patient?_id={patient(site)}&_elements=civilStatus")["entry"][0]["resource"]
    )
    reply = ask(site, f"GET {path}", accept="application/fhir+xml").reply
    assert reply is not None
    assert b"<civilStatus>" in reply.body
    assert b"maritalStatus" not in reply.body


def test_a_client_may_write_what_it_read_and_what_it_used_to_write() -> None:
    site = open_site(**RENAME)
    path = f"/Patient/{patient(site)}"
    seen = read(site, f"GET {path}")
    assert status(site, f"PUT {path}", seen) == 200
    again = read(site, f"GET {path}")
    assert again["civilStatus"] == seen["civilStatus"]
    old = {("maritalStatus" if key == "civilStatus" else key): value for key, value in seen.items()}
    assert status(site, f"PUT {path}", old) == 200
    assert read(site, f"GET {path}")["civilStatus"] == seen["civilStatus"]
    assert status(site, f"PUT {path}", seen | {"familyStatus": 1}) == 422


def test_searches_go_on_to_find_what_is_shown_otherwise() -> None:
    change = {"resource": "Patient", "rename": "birthDate", "to": "dateOfBirth"}
    before, after = open_site(upgrade=""), open_site(fields=[change])
    born = read(before, f"GET /Patient/{patient(before)}")["birthDate"]
    assert (
        read(after, f"GET /Patient?birthdate={born}")["total"]
        == read(before, f"GET /Patient?birthdate={born}")["total"]
    )


def test_pages_that_were_open_go_on_in_the_new_form() -> None:
    site = open_site(**SOON)
    first = read(site, "GET /Patient?_count=3")
    follow = next(link["url"] for link in first["link"] if link["relation"] == "next").removeprefix(BASE)
    site.clock.advance(10 * DAY)
    second = read(site, f"GET {follow}")
    assert len(second["entry"]) == 3
    assert all("maritalStatus" in one["resource"] for one in first["entry"])
    assert all("civilStatus" in one["resource"] for one in second["entry"])
    assert {one["resource"]["id"] for one in first["entry"]}.isdisjoint(
        one["resource"]["id"] for one in second["entry"]
    )


def test_a_record_is_rewritten_once() -> None:
    site = open_site(**RENAME)
    record = site.store.read("Patient", patient(site))
    assert record is not None
    assert site.fhir.shown(record) is site.fhir.shown(record)
    other = site.store.chart(patient(site), "Observation")[0]
    assert site.fhir.shown(other) is other


def test_a_site_without_upgrades_does_nothing_for_them() -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True))
    assert site.upgrades.opened(site.journal.open) == site.journal.open
    assert site.upgrades.due == float("inf")


def test_types_go_come_and_are_told_to_go() -> None:
    deprecated = {"CarePlan": "2026-03-01", "CareTeam": None}
    site = open_site("epic", at="2026-01-10", endpoints={"drop": ["Goal"], "add": ["Slot"], "deprecate": deprecated})
    assert status(site, "GET /Goal/x?_format=json") == 404
    assert ask(site, "GET /Goal/x?_format=json").problem.kind == "not-found"  # type: ignore[union-attr]
    assert ask(site, "GET /Slot/x?_format=json").problem.kind == "type-unknown"  # type: ignore[union-attr]
    site.clock.advance(5 * DAY)
    assert ask(site, "GET /Goal/x?_format=json").problem.kind == "type-unknown"  # type: ignore[union-attr]
    assert ask(site, "GET /Slot/x?_format=json").problem.kind == "not-found"  # type: ignore[union-attr]
    types = {one["type"] for one in read(site, "GET /metadata?_format=json")["rest"][0]["resource"]}
    assert "Slot" in types
    assert "Goal" not in types
    reply = ask(site, "GET /CarePlan/x").reply
    assert reply is not None
    assert reply.header("Deprecation") == "@1768003200"
    assert reply.header("Sunset") == "Sun, 01 Mar 2026 00:00:00 GMT"
    team = ask(site, "GET /CareTeam/x").reply
    assert team is not None
    assert team.header("Deprecation") == "@1768003200"
    assert team.header("Sunset") == ""
    assert ask(site, "GET /Patient/x").reply.header("Deprecation") == ""  # type: ignore[union-attr]


def test_a_deprecated_type_is_gone_on_its_day() -> None:
    site = open_site(at="2026-01-10", endpoints={"deprecate": {"CarePlan": "2026-03-01"}})
    site.clock.advance(6 * DAY)
    assert status(site, "GET /CarePlan") == 200
    entry = next(one for one in read(site, "GET /metadata")["rest"][0]["resource"] if one["type"] == "CarePlan")
    assert entry["documentation"].startswith("Deprecated since Sat, 10 Jan 2026")
    site.clock.advance(60 * DAY)
    gone = ask(site, "GET /CarePlan")
    assert gone.problem is not None
    assert gone.problem.kind == "type-unknown"
    assert gone.notes["upgraded"] == ["own: CarePlan ends"]
    assert gone.reply is not None
    assert not gone.reply.header("Deprecation")


def test_settings_and_version_are_of_the_release() -> None:
    site = open_site(
        at="2026-01-10", version="Own 7", settings={"search": {"default_size": 2}, "headers": {"X-Own": "7"}}
    )
    assert len(read(site, "GET /Patient")["entry"]) == 8
    assert read(site, "GET /metadata")["software"]["version"] != "Own 7"
    site.clock.advance(6 * DAY)
    assert len(read(site, "GET /Patient")["entry"]) == 2
    assert read(site, "GET /metadata")["software"]["version"] == "Own 7"
    assert ask(site, "GET /Patient").reply.header("X-Own") == "7"  # type: ignore[union-attr]


def test_charts_are_dressed_as_the_release_says() -> None:
    settings = {"shape": {"tables": {"code_systems": "oid"}}}
    site = open_site("epic", at="2026-01-10", settings=settings)
    path = f"GET /AllergyIntolerance?patient={patient(site, 2)}&_format=json"
    before = read(site, path)
    site.clock.advance(6 * DAY)
    assert read(site, path)["total"] == before["total"]
    assert read(site, path) != before


def test_several_upgrades_follow_each_other_each_at_its_time() -> None:
    own: dict[str, Any] = {
        "first": {"at": "2026-01-10", "version": "1", **RENAME},
        "second": {"at": "2026-02-10", "version": "2"},
    }
    own["second"]["fields"] = [{"resource": "Patient", "drop": "civilStatus"}]
    names = ["first", "second"]
    options = SiteOptions("a", patients=3, stepped=True, open_access=True, settings={"upgrades": own}, upgrade=names)
    site = build_site(options)
    path = f"GET /Patient/{patient(site)}"
    seen = []
    for days in (0, 10, 30):
        site.clock.advance(days * DAY)
        seen.append(next((name for name in ("maritalStatus", "civilStatus") if name in read(site, path)), ""))
    assert seen == ["maritalStatus", "civilStatus", ""]
    late = build_site(replace(options, start=1_800_000_000.0))
    assert late.upgrades.taken == names


def test_two_sites_of_one_vendor_may_be_on_different_trains() -> None:
    early, late = open_site("epic", "2026-Q3"), open_site("epic", {"2026-Q3": "2026-12-01"})
    for site, name in ((early, "civilStatus"), (late, "maritalStatus")):
        site.clock.advance(250 * DAY)
        assert name in read(site, f"GET /Patient/{patient(site)}?_format=json")


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_the_shipped_upgrade_changes_what_it_says(vendor: str) -> None:
    site = open_site(vendor, {"2026-Q3": "2026-01-06"})
    who = patient(site)
    before = read(site, f"GET /Patient/{who}?_format=json")
    goal = ask(site, "GET /Goal/x?_format=json").problem
    site.clock.advance(DAY)
    assert site.upgrades.taken == []
    after = ask(site, "GET /Goal/x?_format=json")
    assert goal is not None
    assert after.problem is not None
    assert (goal.kind, after.problem.kind) == ("not-found", "type-unknown")
    if vendor != "oracle":
        assert "civilStatus" in read(site, f"GET /Patient/{who}?_format=json")
        assert "maritalStatus" in before
    else:
        record = site.store.chart(who, "Encounter")[0]
        assert "hospitalization" not in site.fhir.shown(record).document


def test_webhooks_send_the_new_form_from_its_time_on() -> None:
    site = open_site(**SOON)
    site.outbox.add(Hook("h", "http://h.example.org/", payload="full"))
    for _ in range(2):
        commit = {"kind": "create", "source": "control"}
        site.store.commit(dict(PATIENT) | {"id": f"w{site.store.last}"}, **commit)  # type: ignore[arg-type]
        site.clock.advance(6 * DAY)
    before, after = (orjson.loads(delivery.exchange.body)["resource"]["document"] for delivery in site.outbox.ready)
    assert "maritalStatus" in before
    assert "civilStatus" in after
    assert site.upgrades.taken == ["own"]


def test_the_truth_is_the_same_for_who_read_before_and_who_read_after() -> None:
    site = open_site(at="2026-01-10", fields=[*RENAME["fields"], {"resource": "Patient", "drop": "birthDate"}])
    before = [read(site, f"GET /Patient/{patient(site, index)}") for index in range(8)]
    assert truth_of(site, everybody(site), {"Patient": ""}, before).ok
    site.clock.advance(6 * DAY)
    after = [read(site, f"GET /Patient/{patient(site, index)}") for index in range(8)]
    assert truth_of(site, everybody(site), {"Patient": ""}, after).ok
    assert truth_of(site, everybody(site), {"Patient": ""}, before[:4] + after[4:]).ok
    lost = [{key: value for key, value in one.items() if key != "civilStatus"} for one in after]
    assert truth_of(site, everybody(site), {"Patient": ""}, lost).altered


def test_a_file_may_say_which_upgrades_a_site_takes() -> None:
    for told, taken in (("2026-Q3", []), ({"2026-Q3": None}, ["2026-Q3"]), ({"2026-Q3": "2026-01-01"}, ["2026-Q3"])):
        plain = {"name": "a", "personality": "epic", "clock": "stepped", "upgrade": told}
        site = build_configured(validate(SiteConfig, Document("here", plain)), seed=1)
        assert site.upgrades.taken == taken


def test_what_cannot_be_is_refused_when_the_site_is_built() -> None:
    with pytest.raises(UnknownName) as caught:
        open_site(upgrade="2026-Q2")
    assert caught.value.nearest == "2026-Q3"
    with pytest.raises(ConfigError, match=r"search\.defaultsize"):
        open_site(at="2026-03-01", settings={"search": {"defaultsize": 1}})
    with pytest.raises(ConfigError, match="nearest: fields"):
        open_site(upgrade="", field=[])


def test_xml_with_the_new_name_is_readable_as_what_it_is() -> None:
    site = open_site(fields=[{"resource": "Patient", "drop": "maritalStatus"}])
    reply = ask(site, f"GET /Patient/{patient(site)}", accept="application/fhir+xml").reply
    assert reply is not None
    assert "maritalStatus" not in from_xml(reply.body)


def test_a_version_alone_is_told_at_once() -> None:
    site = open_site(at="2026-01-05T13:00:00Z", version="Winter")
    assert read(site, "GET /metadata")["software"]["version"] != "Winter"
    site.clock.advance(2 * 3600)
    assert read(site, "GET /metadata")["software"]["version"] == "Winter"


def test_what_a_stored_bundle_holds_is_shown_in_the_new_form() -> None:
    renamed = {"resource": "Patient", "rename": "maritalStatus", "to": "civilStatus"}
    site = open_site(at="2026-01-10", fields=[renamed])
    held = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": PATIENT}]}
    assert status(site, "PUT /Bundle/b", held) == 201
    assert read(site, "GET /Bundle/b")["entry"][0]["resource"]["maritalStatus"] == {"text": "M"}
    site.clock.advance(6 * DAY)
    assert read(site, "GET /Bundle/b")["entry"][0]["resource"]["civilStatus"] == {"text": "M"}


def test_an_upgrade_can_be_brought_forward_with_those_before_it() -> None:
    upgrades = {"one": {"at": "2099-01-01", "version": "One"}, "two": {"at": "2099-02-01", "version": "Two"}}
    upgrades["three"] = {"at": "2099-03-01", "version": "Three"}
    site = build_site(
        SiteOptions("n", stepped=True, open_access=True, settings={"upgrades": upgrades}, upgrade=list(upgrades))
    )
    site.upgrades.bring_forward("two")
    assert (site.upgrades.taken, [one.name for one in site.upgrades.to_come]) == (["one", "two"], ["three"])
    assert read(site, "GET /metadata")["software"]["version"] == "Two"
    with pytest.raises(UnknownName, match="three"):
        site.upgrades.bring_forward("thre")
