from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from mockehr.core.exchange import CHANNELS, Channel, Decision, Exchange, Interaction, Reply
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.record import Record
from mockehr.journal.audit import access_of, is_over


@dataclass
class Records:
    """What a site knows: whose records are whose, what was changed, and who signed in."""

    owners: dict[str, str] = field(default_factory=dict)
    changes: dict[int, tuple[str, str]] = field(default_factory=dict)
    signed_in: str = ""
    context: str = ""

    def owner(self, key: str) -> str:
        return self.owners.get(key, "")

    def change(self, number: int) -> tuple[str, str]:
        return self.changes.get(number, ("", ""))

    def user(self, exchange: Exchange) -> str:
        return self.signed_in

    def patient(self, exchange: Exchange) -> str:
        return self.context


NOTHING = Records()


def asked(path: str, query: str = "", method: str = "GET", status: int = 200, **told: object) -> Exchange:
    exchange = Exchange("fhir", method, path, query)
    exchange.reply = Reply(status)
    for name, value in told.items():
        setattr(exchange, name, value)
    return exchange


def test_a_read_is_of_whose_chart_the_record_is_in() -> None:
    exchange = asked("/Observation/o1", interaction=Interaction("read", "Observation", "o1"), client="app", number=7)
    exchange.returned = ("Observation/o1",)
    access = access_of(exchange, Records({"Observation/o1": "p1"}, signed_in="Practitioner/d0"))
    assert (access.entry, access.what, access.resource_type) == (7, "read", "Observation")
    assert (access.resources, access.patients) == (("Observation/o1",), ("p1",))
    assert (access.client, access.user, access.outcome, access.reason) == ("app", "Practitioner/d0", "success", "")


def test_the_record_itself_tells_whose_it_was_at_that_time() -> None:
    exchange = asked("/Observation/o1", interaction=Interaction("read", "Observation", "o1"))
    exchange.result = Record("Observation", "o1", 1, 0.0, {}, b"", "then")
    exchange.returned = ("Observation/o1",)
    assert access_of(exchange, Records({"Observation/o1": "now"})).patients == ("then",)


def test_several_patients_in_one_search_are_one_access_of_all_of_them() -> None:
    exchange = asked("/Patient", "family=Muster", interaction=Interaction("search", "Patient"))
    exchange.returned = ("Patient/p1", "Patient/p2", "Encounter/e3", "Patient/p1")
    access = access_of(exchange, Records({"Encounter/e3": "p3"}))
    assert access.patients == ("p1", "p2", "p3")
    assert access.resources == ("Patient/p1", "Patient/p2", "Encounter/e3")


@pytest.mark.parametrize(
    ("path", "query", "interaction"),
    [
        ("/Observation", "patient=p1", Interaction("search", "Observation")),
        ("/Observation", "subject=Patient/p1&code=1", Interaction("search", "Observation")),
        ("/Observation", "subject:Patient=p1", Interaction("search", "Observation")),
        ("/Observation", "patient=http%3A%2F%2Fh.example.org%2FPatient%2Fp1", Interaction("search", "Observation")),
        ("/Patient", "_id=p1", Interaction("search", "Patient")),
        ("/Patient/p1/Condition", "", Interaction("search-compartment", "Condition", "p1", "Patient")),
        ("/Patient/p1/$everything", "", Interaction("$everything", "Patient", "p1")),
        ("/Patient/p1", "", None),
        ("/Patient/p1/_history", "", None),
        ("/Patient/p1/Condition", "", None),
    ],
)
def test_who_is_asked_about_counts_even_if_nothing_is_found(
    path: str, query: str, interaction: Interaction | None
) -> None:
    assert access_of(asked(path, query, interaction=interaction), NOTHING).patients == ("p1",)


@pytest.mark.parametrize("query", ["subject=Group/p1", "patient:identifier=sys|p1", "patient=sys|p1", "code=p1"])
def test_what_names_no_patient_by_id_is_nobody(query: str) -> None:
    assert (
        access_of(asked("/Observation", query, interaction=Interaction("search", "Observation")), NOTHING).patients
        == ()
    )


def test_a_form_names_patients_as_a_query_does() -> None:
    exchange = asked("/Observation/_search", method="POST", interaction=Interaction("search", "Observation"))
    exchange.headers["content-type"] = "application/x-www-form-urlencoded"
    exchange.body = b"patient=p1,p2"
    assert access_of(exchange, NOTHING).patients == ("p1", "p2")


def test_the_patient_of_the_token_alone_was_not_accessed() -> None:
    exchange = asked("/Practitioner/d0", interaction=Interaction("read", "Practitioner", "d0"), patient="p1")
    assert access_of(exchange, NOTHING).patients == ()


@pytest.mark.parametrize(
    ("method", "path", "what", "kind"),
    [
        ("GET", "/Patient/1", "read", "Patient"),
        ("GET", "/Patient", "search", "Patient"),
        ("POST", "/Patient/_search", "search", "Patient"),
        ("POST", "/Patient", "create", "Patient"),
        ("PUT", "/Patient/1", "update", "Patient"),
        ("PATCH", "/Patient/1", "patch", "Patient"),
        ("DELETE", "/Patient/1", "delete", "Patient"),
        ("GET", "/Patient/1/_history/2", "vread", "Patient"),
        ("GET", "/_history", "history", ""),
        ("POST", "/", "transaction", ""),
        ("GET", "/$export", "bulk-kick-off", ""),
        ("GET", "/metadata", "capabilities", ""),
        ("GET", "/Patient/1/$everything", "operation", "Patient"),
    ],
)
def test_what_was_refused_before_it_had_a_name_is_named_by_its_address(
    method: str, path: str, what: str, kind: str
) -> None:
    exchange = asked(path, method=method, status=401, result=Problem(401, "no-token", "A token is required"))
    access = access_of(exchange, NOTHING)
    assert (access.what, access.resource_type) == (what, kind)
    assert (access.outcome, access.reason) == ("refused", "no-token: A token is required")


def test_a_delete_is_of_whose_record_it_was() -> None:
    exchange = asked("/Condition", method="DELETE", interaction=Interaction("delete", "Condition"), changes=(4, 5))
    access = access_of(exchange, Records(changes={4: ("Condition/c1", "p1"), 5: ("Condition/c2", "p2")}))
    assert (access.what, access.resources, access.patients) == (
        "delete",
        ("Condition/c1", "Condition/c2"),
        ("p1", "p2"),
    )


@pytest.mark.parametrize(
    ("channel", "what"),
    [
        ("token", "token"),
        ("files", "bulk-file"),
        ("mllp-in", "message-in"),
        ("mllp-out", "message-out"),
        ("webhook", "delivery"),
    ],
)
def test_every_channel_has_its_word(channel: Channel, what: str) -> None:
    exchange = Exchange(channel, interaction=Interaction("x"), reply=Reply(200))
    assert access_of(exchange, NOTHING).what == what


def test_no_channel_is_forgotten() -> None:
    for channel in CHANNELS:
        assert access_of(Exchange(channel, interaction=Interaction("x"), reply=Reply(200)), NOTHING).what


def test_a_message_is_of_whom_it_speaks_and_a_token_of_whom_it_is_for() -> None:
    message = Exchange(
        "mllp-in", "SEND", patient="p1", interaction=Interaction("ADT^A08"), reply=Reply(200), client="LAB"
    )
    access = access_of(message, NOTHING)
    assert (access.patients, access.client, access.detail) == (("p1",), "LAB", "ADT^A08")
    token = Exchange("token", "POST", interaction=Interaction("authorization_code"), reply=Reply(200))
    assert access_of(token, Records(context="p2")).patients == ("p2",)


def out(status: int = 0, **notes: str) -> Exchange:
    exchange = Exchange("webhook", "POST", direction="out", peer="hook-1", notes=dict(notes))
    exchange.interaction = Interaction("Patient.update", "Patient", "p1")
    exchange.reply = Reply(status) if status else None
    return exchange


@pytest.mark.parametrize(
    ("exchange", "outcome", "reason"),
    [
        (out(204), "success", ""),
        (out(410), "refused", "answered 410"),
        (out(503), "failed", "answered 503"),
        (out(failure="connection refused"), "failed", "connection refused"),
        (out(400, ack="AE"), "refused", "acknowledged AE"),
        (out(400, failure="no acknowledgement"), "failed", "no acknowledgement"),
        (
            asked("/Patient/1", status=404, result=not_found("Patient", "1")),
            "refused",
            "not-found: Patient/1 is not known",
        ),
        (
            asked("/Patient/1", status=503, decisions=(Decision("r", "outage", "on_reply", "fired"),)),
            "failed",
            "answered 503 (outage)",
        ),
        (
            Exchange("token", reply=Reply(400), notes={"refused": "secret-wrong", "refused_because": "no"}),
            "refused",
            "secret-wrong: no",
        ),
        (
            asked(
                "/Patient/1", status=401, result=Problem(401, "token-invalid", "It does not work", value="expired")
            ),
            "refused",
            "token-invalid (expired): It does not work",
        ),
    ],
)
def test_how_it_ended_and_why(exchange: Exchange, outcome: str, reason: str) -> None:
    access = access_of(exchange, NOTHING)
    assert (access.outcome, access.reason) == (outcome, reason)


def test_a_delivery_is_to_its_receiver_about_the_record_that_changed() -> None:
    access = access_of(out(204), NOTHING)
    assert (access.client, access.resources, access.patients) == ("hook-1", ("Patient/p1",), ("p1",))


def test_what_is_under_way_is_not_over_and_what_failed_is() -> None:
    assert not is_over(Exchange("fhir"))
    assert not is_over(out())
    assert is_over(out(failure="timeout"))
    assert is_over(asked("/Patient/1", status=500))


def test_no_secret_is_in_the_plain_form_and_no_octet_breaks_it() -> None:
    secret = Exchange(
        "authorize", query="launch=s3cret&state=1", headers={"authorization": "Bearer s3cret"}, reply=Reply(302)
    )
    assert "s3cret" not in json.dumps(access_of(secret, NOTHING).as_json())
    strange = access_of(asked("/Patient/\udce9"), NOTHING).as_json()
    assert json.dumps(strange).encode("ascii")
    assert strange["path"] == "/Patient/\\udce9"


def test_the_plain_form_has_the_time_and_leaves_out_what_is_empty() -> None:
    exchange = asked("/Patient/p1", interaction=Interaction("read", "Patient", "p1"), at=1_767_614_400.25, number=3)
    shown = access_of(exchange, NOTHING).as_json()
    assert shown["at"] == "2026-01-05T12:00:00.250Z"
    assert (shown["entry"], shown["patients"]) == (3, ["p1"])
    assert {"user", "reason", "client", "query"}.isdisjoint(shown)
