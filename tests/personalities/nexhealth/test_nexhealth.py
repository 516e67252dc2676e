"""NexHealth in front of a practice: its envelope, its copy that lags, and writes that come later."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client

V3 = {"nex-api-version": "v3.0.0"}
HERE = "subdomain=north&location_id=1001"
FRESH = {
    "resourceType": "Patient",
    "id": "zz",
    "name": [{"family": "Fresh", "given": ["Eva"]}],
    "birthDate": "1990-01-01",
}


class Practice:
    """A NexHealth in front of `north` (and others), with a token."""

    def __init__(self, *behind: str, vendor: str = "generic", environment: str = "", **settings: Any) -> None:
        self.directory = Directory()
        names = behind or ("north",)
        told: dict[str, Any] = {"nexhealth": settings} if settings else {}
        options = SiteOptions("hub", "nexhealth", stepped=True, fronts=names, settings=told, environment=environment)
        self.site: Site = self.directory.add(build_site(options))
        for name in names:
            self.directory.add(build_site(SiteOptions(name, vendor, patients=8, stepped=True)))
        self.north = self.directory.get(names[0])
        register_demo_client(self.site, "app", secret="s3cret")
        self.token = self.ask("POST", "/authenticates", authorization="app.s3cret")[1]["data"]["token"]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        found = channel_of(self.site, path)
        assert found is not None, path
        told = (headers if "accept" in headers else V3 | headers) | {}
        octets = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        reply = self.site.handle(Exchange(found[0], method, found[1], query, told, octets, peer="192.0.2.1")).reply
        assert reply is not None
        assert reply.header("content-type") == "application/vnd.Nexhealth+json;version=2"
        return reply.status, orjson.loads(reply.body)

    def get(self, path: str, **headers: str) -> Any:
        status, told = self.ask("GET", path, authorization=f"Bearer {self.token}", **headers)
        assert status == 200, told
        return told

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, told = self.ask(method, path, body, authorization=f"Bearer {self.token}")
        assert (told["code"], told["data"]) == (False, None)
        return status, told["error"][0]

    def post(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        return self.ask(method, path, body, authorization=f"Bearer {self.token}")

    def book(self, start: str = "2026-01-07T10:00:00Z", **more: Any) -> Any:
        who = self.get(f"/patients?{HERE}")["data"][0]["id"]
        staff = self.get("/providers?subdomain=north")["data"][0]["id"]
        appt = {"patient_id": who, "provider_id": staff, "start_time": start} | more
        status, told = self.post("POST", f"/appointments?{HERE}", {"appt": appt})
        assert status == 201, told
        return told["data"]["appt"]

    def write_there(self, document: dict[str, Any], kind: Any = "create") -> None:
        self.north.store.commit(document, kind=kind, source="control")


@pytest.fixture(scope="module")
def practice() -> Practice:
    """Nobody writes here."""
    return Practice()


@pytest.mark.behaviour("nexhealth", "authenticates", "bearer")
def test_a_key_gets_a_token_and_everything_else_wants_one(practice: Practice) -> None:
    status, told = practice.ask("POST", "/authenticates", authorization="app.s3cret")
    assert (status, told["code"], told["description"], told["error"]) == (200, True, "Authenticated", [])
    for key in ("app.wrong", "", "nobody.s3cret", "s3cret"):
        assert practice.ask("POST", "/authenticates", authorization=key)[0] == 401
    for wrong in ({}, {"authorization": "Bearer no"}, {"authorization": practice.token}):
        status, told = practice.ask("GET", "/institutions", **wrong)
        assert (status, told["code"], told["error"]) == (401, False, ["Invalid Credentials"])


@pytest.mark.behaviour("nexhealth", "token-life")
@pytest.mark.parametrize(("environment", "hours"), [("sandbox", 24), ("production", 1)])
def test_a_token_is_over_after_a_day_or_an_hour(environment: str, hours: int) -> None:
    practice = Practice(environment=environment)
    practice.site.clock.advance(hours * 3600 - 1)
    practice.get("/institutions")
    practice.site.clock.advance(2)
    assert practice.ask("GET", "/institutions", authorization=f"Bearer {practice.token}")[0] == 401


@pytest.mark.behaviour("nexhealth", "version-header", "version-least")
def test_the_version_has_to_be_told(practice: Practice) -> None:
    bearer = {"authorization": f"Bearer {practice.token}"}
    assert practice.ask("GET", "/institutions", accept="application/json", **bearer)[0] == 404
    old = {"accept": "application/vnd.Nexhealth+json; version=2"}
    assert practice.ask("GET", "/institutions", **bearer, **old)[0] == 200
    assert practice.ask("GET", "/institutions", **{"nex-api-version": "v20240412"}, **bearer)[0] == 200
    strict = Practice(least_version="v3.0.0")
    status, told = strict.ask("GET", "/institutions", **old, authorization=f"Bearer {strict.token}")
    assert status == 403
    assert told["error"][0].startswith("API version 'v2' is below the minimum allowed")


@pytest.mark.behaviour("nexhealth", "envelope", "media", "numbers", "per-page", "page-number")
def test_every_answer_has_the_same_shape_and_count_is_of_all(practice: Practice) -> None:
    told = practice.get(f"/patients?{HERE}")
    assert list(told) == ["code", "description", "error", "data", "count"]
    assert (told["code"], told["error"], told["count"], len(told["data"])) == (True, [], 8, 5)
    assert all(isinstance(one["id"], int) for one in told["data"])
    pages = [practice.get(f"/patients?{HERE}&page={n}&per_page=3")["data"] for n in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [3, 3, 2, 0]
    assert len({one["id"] for page in pages for one in page}) == 8
    assert practice.refusal("GET", f"/patients?{HERE}&page=x")[0] == 400


@pytest.mark.behaviour("nexhealth", "failure", "subdomain", "location")
def test_what_is_not_ours_is_refused(practice: Practice) -> None:
    denied = "You don't have access to perform this action."
    assert practice.refusal("GET", "/patients?subdomain=nrth&location_id=1001") == (403, denied)
    assert practice.refusal("GET", "/patients?subdomain=north&location_id=7")[0] == 404
    assert practice.refusal("GET", "/patients?location_id=1001")[0] == 400
    assert practice.refusal("GET", "/patients?subdomain=north")[0] == 400
    assert practice.refusal("GET", "/patients/12?subdomain=north")[0] == 404
    assert practice.refusal("DELETE", "/patients?subdomain=north")[0] == 404


@pytest.mark.behaviour("nexhealth", "ignored")
def test_parameters_that_are_not_known_are_ignored_and_named(practice: Practice) -> None:
    told = practice.get("/providers?subdomain=north&patient_id=3&colour=red")
    assert told["code"] is True
    assert told["description"] == "Note that following parameters are ignored: patient_id, colour."
    assert practice.get("/providers?subdomain=north")["description"] is None


@pytest.mark.behaviour("nexhealth", "subdomain")
def test_each_site_behind_is_an_institution() -> None:
    practice = Practice("north", "south", subdomains=["south=sunny-dental"])
    told = practice.get("/institutions")["data"]
    assert [one["subdomain"] for one in told] == ["north", "sunny-dental"]
    place = practice.get("/locations?subdomain=sunny-dental")["data"][0]
    assert practice.get(f"/patients?subdomain=sunny-dental&location_id={place['id']}")["count"] == 8
    assert practice.refusal("GET", f"/patients?subdomain=north&location_id={place['id']}")[0] == 404


@pytest.mark.behaviour("nexhealth", "patient-search", "patient-form", "v2-patients")
def test_patients_are_found_by_name_and_birth_date(practice: Practice) -> None:
    someone = practice.get(f"/patients?{HERE}")["data"][0]
    birth = someone["bio"]["date_of_birth"]
    found = practice.get(
        f"/patients?{HERE}&name={someone['first_name']}%20{someone['last_name'][:3]}&date_of_birth={birth}"
    )
    assert [one["id"] for one in found["data"]] == [someone["id"]]
    assert practice.get(f"/patients?{HERE}&date_of_birth=1801-01-01")["count"] == 0
    one = practice.get(f"/patients/{someone['id']}?subdomain=north")["data"]
    assert one == someone
    assert one["location_ids"] == [1001]
    assert practice.north.store.read("Patient", one["foreign_id"]) is not None
    assert someone["id"] in [p["id"] for p in practice.get(f"/patients?{HERE}&email={someone['email']}")["data"]]
    old = practice.get(f"/patients?{HERE}", accept="application/vnd.Nexhealth+json;version=2")
    assert old["data"]["patients"][0]["id"] == someone["id"]


@pytest.mark.behaviour("nexhealth", "read-lag", "sync-status")
def test_what_changed_in_the_practice_is_seen_minutes_later() -> None:
    practice = Practice()
    someone = practice.get(f"/patients?{HERE}")["data"][0]
    practice.write_there(FRESH)
    record = practice.north.store.read("Patient", someone["foreign_id"])
    assert record is not None
    practice.write_there(record.document | {"birthDate": "1999-09-09"}, kind="update")
    assert practice.get(f"/patients?{HERE}&name=Fresh")["data"] == []
    assert practice.get(f"/patients?{HERE}")["count"] == 8
    assert practice.get(f"/patients/{someone['id']}?subdomain=north")["data"]["bio"] == someone["bio"]
    practice.site.clock.advance(299)
    assert practice.get(f"/patients?{HERE}&name=Fresh")["data"] == []
    practice.site.clock.advance(1)
    assert practice.get(f"/patients?{HERE}&name=Fresh")["data"][0]["last_name"] == "Fresh"
    assert practice.get(f"/patients?{HERE}")["count"] == 9
    assert practice.get(f"/patients/{someone['id']}?subdomain=north")["data"]["bio"]["date_of_birth"] == "1999-09-09"
    (entry,) = [one for one in practice.site.journal if one.channel == "upstream"]
    assert [one["status"] for one in entry.notes["behind"]] == [200, 200]
    status = practice.get("/sync_status?subdomain=north")["data"][0]
    assert (status["read_status"], status["read_status_at"]) == ("green", "2026-01-05T12:05:00.000Z")
    practice.site.clock.advance(300)
    last = [one for one in practice.site.journal if one.channel == "upstream"][-1]
    assert len(last.notes["behind"]) == 1  # what was read once is not read again


@pytest.mark.behaviour("nexhealth", "sync-status")
@pytest.mark.parametrize("broken", ["reset", "gone"])
def test_reading_that_fails_leaves_the_copy_old_and_the_status_red(broken: str) -> None:
    practice = Practice()
    practice.write_there(FRESH)
    if broken == "gone":
        practice.directory.remove("north")
    else:
        practice.north.arm({"use": "reset"})
    practice.site.clock.advance(300)
    status = practice.get("/sync_status?subdomain=north")["data"][0]
    assert (status["read_status"], status["write_status"]) == ("red", "green")
    assert practice.get(f"/patients?{HERE}&name=Fresh")["data"] == []
    if broken == "reset":
        practice.north.disarm("reset")
        practice.site.clock.advance(300)
        assert practice.get("/sync_status?subdomain=north")["data"][0]["read_status"] == "green"
        assert practice.get(f"/patients?{HERE}&name=Fresh")["count"] == 1


@pytest.mark.behaviour("nexhealth", "write-later", "foreign-id", "appointment-create")
@pytest.mark.parametrize("vendor", ["generic", "oracle"])
def test_an_appointment_is_accepted_first_and_written_later(vendor: str) -> None:
    practice = Practice(vendor=vendor)
    made = practice.book(note="Cough")
    assert (made["foreign_id"], made["last_sync_time"], made["note"]) == (None, None, "Cough")
    assert (made["start_time"], made["end_time"]) == ("2026-01-07T10:00:00+00:00", "2026-01-07T10:15:00+00:00")
    assert practice.north.log.changes == []
    assert practice.get(f"/appointments/{made['id']}?subdomain=north")["data"] == made
    practice.site.clock.advance(60)
    if vendor == "oracle":
        return  # which may want more of an appointment than the platform knows
    (change,) = practice.north.log.changes
    written = practice.get(f"/appointments/{made['id']}?subdomain=north")["data"]
    assert (written["foreign_id"], written["last_sync_time"]) == (change.id, "2026-01-05T12:01:00Z")
    window = f"/appointments?{HERE}&start=2026-01-07T00:00:00Z&end=2026-01-08T00:00:00Z"
    assert [one["id"] for one in practice.get(window)["data"]] == [made["id"]]
    practice.site.clock.advance(600)
    assert [one["id"] for one in practice.get(window)["data"]] == [made["id"]]


@pytest.mark.behaviour("nexhealth", "timed-out", "sync-status")
def test_what_is_not_written_before_it_begins_never_is() -> None:
    practice = Practice()
    made = practice.book("2026-01-05T12:10:00Z")
    practice.north.arm({"use": "rate-limit", "with": {"budget": 1, "per": "1d", "status": 503}})
    practice.site.front.behind[0].ask(Exchange("fhir"), "GET", "/Patient")
    practice.site.clock.advance(120)
    assert practice.get("/sync_status?subdomain=north")["data"][0]["write_status"] == "red"
    practice.site.clock.advance(900)
    practice.north.disarm("rate-limit")
    practice.site.clock.advance(900)
    assert practice.get(f"/appointments/{made['id']}?subdomain=north")["data"]["foreign_id"] is None
    assert practice.north.log.changes == []


def test_a_write_that_was_not_answered_is_tried_again_and_may_be_there_twice() -> None:
    practice = Practice()
    practice.north.arm({"use": "lost-response", "when": {"first": 1}})
    practice.book()
    practice.site.clock.advance(60)
    practice.site.clock.advance(60)
    assert [change.kind for change in practice.north.log.changes] == ["create", "create"]


def test_what_the_practices_system_refuses_is_not_tried_again() -> None:
    practice = Practice()
    made = practice.book()
    assert practice.north.auth.clients.find("hub") is not None
    practice.north.fhir.types = {**practice.north.fhir.types, "Appointment": frozenset({"read", "search"})}
    practice.site.clock.advance(600)
    writes = [one for one in practice.north.journal if one.method == "POST"]
    assert len(writes) == 1
    assert practice.get(f"/appointments/{made['id']}?subdomain=north")["data"]["foreign_id"] is None


@pytest.mark.behaviour("nexhealth", "appointment-create")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"start_time": "2026-01-05T11:00:00Z"}, 400),
        ({"start_time": "soon"}, 400),
        ({"start_time": None}, 400),
        ({"end_time": "2026-01-07T09:00:00Z"}, 400),
        ({"patient_id": 5}, 404),
        ({"patient_id": None}, 400),
        ({"provider_id": "x"}, 404),
    ],
)
def test_appointments_that_cannot_be_are_refused(practice: Practice, change: dict[str, Any], status: int) -> None:
    who = practice.get(f"/patients?{HERE}")["data"][0]["id"]
    staff = practice.get("/providers?subdomain=north")["data"][0]["id"]
    appt = {"patient_id": who, "provider_id": staff, "start_time": "2026-01-07T10:00:00Z"} | change
    assert practice.refusal("POST", f"/appointments?{HERE}", {"appt": appt})[0] == status


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"appt":7}', b"{}"])
def test_a_body_that_is_none_is_refused(practice: Practice, body: bytes) -> None:
    assert practice.refusal("POST", f"/appointments?{HERE}", body)[0] == 400


@pytest.mark.behaviour("nexhealth", "appointment-cancel")
def test_an_appointment_is_cancelled_in_the_practice_too() -> None:
    practice = Practice()
    made = practice.book()
    practice.site.clock.advance(60)
    status, told = practice.post(
        "PATCH", f"/appointments/{made['id']}?subdomain=north", {"appt": {"cancelled": True}}
    )
    assert (status, told["data"]["appt"]["cancelled"]) == (200, True)
    practice.site.clock.advance(60)
    stored = [one.document for one in practice.north.store.overlay("Appointment")]
    assert [one["status"] for one in stored] == ["cancelled"]
    patch = f"/appointments/{made['id']}?subdomain=north"
    assert practice.refusal("PATCH", patch, {"appt": {"note": "x"}})[0] == 400


@pytest.mark.behaviour("nexhealth", "appointment-cancel")
def test_an_appointment_of_the_practices_own_is_cancelled_under_its_number() -> None:
    practice = Practice()
    theirs = {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "start": "2026-01-09T10:00:00Z",
        "end": "2026-01-09T10:30:00Z",
        "participant": [{"actor": {"reference": "Patient/p0"}, "status": "accepted"}],
    }
    practice.write_there(theirs)
    practice.site.clock.advance(300)
    window = f"/appointments?{HERE}&start=2026-01-09T00:00:00Z&end=2026-01-10T00:00:00Z"
    (ours,) = [one for one in practice.get(window)["data"] if one["foreign_id"] == "a1"]
    patch = f"/appointments/{ours['id']}?subdomain=north"
    told = practice.post("PATCH", patch, {"appt": {"cancelled": True}})[1]
    assert told["data"]["appt"]["id"] == ours["id"]
    practice.site.clock.advance(60)
    record = practice.north.store.read("Appointment", ours["foreign_id"])
    assert record is not None
    assert record.document["status"] == "cancelled"


@pytest.mark.behaviour("nexhealth", "appointment-window", "cursor")
def test_appointments_of_a_time_come_by_cursor(practice: Practice) -> None:
    window = f"/appointments?{HERE}&start=2015-01-01T00:00:00Z&end=2030-01-01T00:00:00Z"
    whole = practice.get(f"{window}&per_page=1000")["data"]
    assert len(whole) > 3
    assert [one["start_time"] for one in whole] == sorted(one["start_time"] for one in whole)
    seen, cursor = [], ""
    while True:
        told = practice.get(f"{window}&per_page=2" + (f"&end_cursor={cursor}" if cursor else ""))
        seen += [one["id"] for one in told["data"]]
        info = told["page_info"]
        assert info["has_previous_page"] is bool(cursor)
        if not info["has_next_page"]:
            break
        cursor = info["end_cursor"]
    assert seen == [one["id"] for one in whole]
    back = practice.get(f"{window}&per_page=2&start_cursor={whole[2]['id']}")
    assert [one["id"] for one in back["data"]] == seen[:2]
    assert practice.refusal("GET", f"{window}&end_cursor=nonsense")[0] == 400
    assert practice.refusal("GET", "/appointments?subdomain=north&start=2026-01-01T00:00:00Z")[0] == 400
    assert practice.refusal("GET", f"/appointments?{HERE}")[0] == 400
    mine = practice.get(f"{window}&patient_id={whole[0]['patient_id']}&per_page=1000")["data"]
    assert {one["patient_id"] for one in mine} == {whole[0]["patient_id"]}


@pytest.mark.behaviour("nexhealth", "patient-create", "patient-existing")
def test_a_patient_is_made_once() -> None:
    practice = Practice()
    staff = practice.get("/providers?subdomain=north")["data"][0]["id"]
    bio = {"date_of_birth": "1980-03-04", "phone_number": "555-0100", "gender": "Female"}
    body = {"provider": {"provider_id": staff}, "patient": {"first_name": "Erika", "last_name": "Muster", "bio": bio}}
    status, told = practice.post("POST", f"/patients?{HERE}", body)
    assert (status, told["data"]["user"]["last_name"]) == (201, "Muster")
    (change,) = practice.north.log.changes
    assert change.document["birthDate"] == "1980-03-04"
    practice.site.clock.advance(300)
    assert practice.refusal("POST", f"/patients?{HERE}", body)[0] == 400
    status, again = practice.post("POST", f"/patients?{HERE}&return_existing_if_match=true", body)
    assert (status, again["data"]["user"]["id"]) == (200, told["data"]["user"]["id"])
    body["patient"] = {"first_name": "Max", "bio": {}}
    assert practice.refusal("POST", f"/patients?{HERE}", body) == (
        400,
        "Missing parameter: last_name, bio.date_of_birth",
    )


@pytest.mark.behaviour("nexhealth", "availabilities", "slots")
def test_slots_are_working_hours_less_what_is_booked() -> None:
    practice = Practice()
    made = practice.book()
    staff = made["provider_id"]
    (hours,) = practice.get(f"/availabilities?{HERE}&provider_id={staff}")["data"]
    assert (hours["begin_time"], hours["end_time"], hours["synced"]) == ("09:00", "17:00", True)
    (told,) = practice.get(f"/appointment_slots?subdomain=north&start_date=2026-01-07&lids[]=1001&pids[]={staff}")[
        "data"
    ]
    times = [slot["time"] for slot in told["slots"]]
    assert (times[0], times[-1]) == ("2026-01-07T09:00:00+00:00", "2026-01-07T16:45:00+00:00")
    assert made["start_time"] not in times
    assert len(times) == 8 * 4 - 1
    hour = f"/appointment_slots?subdomain=north&start_date=2026-01-07&pids[]={staff}&slot_length=60"
    assert len(practice.get(hour)["data"][0]["slots"]) == 7
    practice.post("PATCH", f"/appointments/{made['id']}?subdomain=north", {"appt": {"cancelled": True}})
    assert len(practice.get(hour)["data"][0]["slots"]) == 8


@pytest.mark.behaviour("nexhealth", "next-available")
def test_a_day_without_slots_names_the_next_one(practice: Practice) -> None:
    staff = practice.get("/providers?subdomain=north")["data"][0]["id"]
    saturday = f"/appointment_slots?subdomain=north&start_date=2026-01-10&pids[]={staff}"
    (told,) = practice.get(saturday)["data"]
    assert (told["slots"], told["next_available_date"]) == ([], "2026-01-12")
    assert practice.refusal("GET", "/appointment_slots?subdomain=north&start_date=x")[0] == 400


@pytest.mark.behaviour("nexhealth", "rate-minute")
def test_requests_are_counted_by_the_minute(practice: Practice) -> None:
    limits = {budget.limit: budget.interactions or budget.beyond for budget in practice.site.budgets.budgets}
    assert limits == {1000: ("patients*", "appointments*"), 2000: ("patients*", "appointments*")}
    options = SiteOptions(
        "hub",
        "nexhealth",
        stepped=True,
        settings={
            "rates": {
                "budgets": [
                    {
                        "limit": 1,
                        "window": 60,
                        "of": ["proprietary"],
                        "interactions": ["patients*"],
                        "wait": "",
                        "text": "Slow",
                    }
                ]
            }
        },
    )
    tight = build_site(options)
    for status in (401, 429):
        reply = tight.handle(Exchange("proprietary", path="/patients", headers=dict(V3), peer="192.0.2.1")).reply
        assert reply is not None
        assert reply.status == status
    assert orjson.loads(reply.body) == {"code": False, "description": None, "error": ["Slow"], "data": None}


def test_there_is_no_fhir(practice: Practice) -> None:
    reply = practice.site.handle(Exchange("fhir", path="/metadata")).reply
    assert reply is not None
    assert reply.status == 404


def test_the_copy_is_of_the_moment_at_which_the_platform_began() -> None:
    practice = Practice()
    for wanted in ("2026-01-05T12:00:00", "2026-01-05T13:40:00"):
        practice.site.clock.advance(60)
        status = practice.get("/sync_status?subdomain=north")["data"][0]
        assert (status["read_status_at"], status["write_status_at"]) == (f"{wanted}.000Z", f"{wanted}.000Z")
        assert practice.get(f"/patients?{HERE}")["data"][0]["last_sync_time"] == f"{wanted}Z"
        practice.site.clock.advance(5940)
        practice.site.reset()
        practice.token = practice.ask("POST", "/authenticates", authorization="app.s3cret")[1]["data"]["token"]


def test_a_reset_begins_with_a_whole_copy_and_nothing_to_write() -> None:
    practice = Practice()
    practice.write_there(FRESH)
    practice.book()
    practice.site.reset()
    practice.token = practice.ask("POST", "/authenticates", authorization="app.s3cret")[1]["data"]["token"]
    assert practice.get(f"/patients?{HERE}&name=Fresh")["count"] == 1
    practice.site.clock.advance(60)
    assert len(practice.north.log.changes) == 1
    practice.write_there(FRESH | {"id": "yy"})
    practice.site.clock.advance(300)
    assert practice.get(f"/patients?{HERE}&name=Fresh")["count"] == 2
