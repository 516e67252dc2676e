"""The witness of a feed ends up with what its messages mean."""

from mockehr.hl7.witness import KINDS, Witness


def message(kind: str, own: str, *lines: str) -> bytes:
    return "\r".join((f"MSH|^~\\&|A|B|C|D|20260105120000||{kind}|{own}|P|2.5.1", *lines, "")).encode()


def pid(number: str, name: str = "Muster^Erika", birth: str = "19800304") -> str:
    return f"PID|1||{number}^^^W^MR||{name}||{birth}|F"


def pv1(number: str, place: str = "3W^301^1") -> str:
    return f"PV1|1|I|{place}{'|' * 16}{number}"


def heard(*bodies: bytes) -> Witness:
    witness = Witness()
    for body in bodies:
        witness.hear(body)
    return witness


def only(witness: Witness, kind: str) -> list[dict[str, str]]:
    return [{k: v for k, v in one.items() if k != "resourceType"} for one in witness.records((kind,))]


def test_a_stay_ends_as_it_was_told_last() -> None:
    witness = heard(
        message("ADT^A01", "1", pid("42"), pv1("V1")),
        message("ADT^A02", "2", pid("42"), pv1("V1", "4E^401^2")),
        message("ADT^A03", "3", pid("42", birth=""), pv1("V1", "")),
    )
    assert only(witness, "Person") == [
        {"id": "42", "family": "Muster", "given": "Erika", "birthDate": "19800304", "sex": "F"}
    ]
    assert only(witness, "Visit") == [
        {"id": "V1", "person": "42", "location": "4E^401^2", "class": "I", "status": "discharged"}
    ]
    assert [one["id"] for one in only(witness, "Message")] == ["1", "2", "3"]


def test_a_message_that_comes_again_changes_nothing() -> None:
    witness = heard(
        message("ADT^A28", "1", pid("42")),
        message("ADT^A08", "2", pid("42", "Meyer^Erika")),
        message("ADT^A28", "1", pid("42")),
    )
    assert [one["family"] for one in only(witness, "Person")] == ["Meyer"]


def test_an_explicit_null_takes_away() -> None:
    witness = heard(message("ADT^A28", "1", pid("42")), message("ADT^A31", "2", pid("42", birth='""')))
    assert "birthDate" not in only(witness, "Person")[0]


def test_after_a_chain_of_merges_everything_is_the_last_ones() -> None:
    witness = heard(
        message("ADT^A01", "1", pid("1"), pv1("V1")),
        message("ADT^A28", "2", pid("2")),
        message("ADT^A28", "3", pid("3")),
        message("ADT^A40", "4", pid("2"), "MRG|1^^^W^MR"),
        message("ADT^A40", "5", pid("3"), "MRG|2^^^W^MR"),
    )
    assert [one["id"] for one in only(witness, "Person")] == ["3"]
    assert only(witness, "Visit")[0]["person"] == "3"
    assert witness.merged == {"1": "3", "2": "3"}


def test_of_two_inverse_merges_the_last_one_counts() -> None:
    witness = heard(
        message("ADT^A40", "1", pid("1"), "MRG|2^^^W^MR"), message("ADT^A40", "2", pid("2"), "MRG|1^^^W^MR")
    )
    assert [one["id"] for one in only(witness, "Person")] == ["2"]
    assert heard(message("ADT^A40", "1", pid("1"), "MRG|1^^^W^MR")).merged == {}


def test_an_unlinked_person_is_one_again() -> None:
    merged = message("ADT^A40", "1", pid("1"), "MRG|2^^^W^MR")
    witness = heard(message("ADT^A28", "0", pid("2")), merged, message("ADT^A37", "2", pid("1"), pid("2")))
    assert [one["id"] for one in only(witness, "Person")] == ["2", "1"]


def test_a_corrected_result_replaces_what_it_corrects() -> None:
    def report(own: str, value: str, status: str) -> bytes:
        return message(
            "ORU^R01", own, pid("42"), "OBR|1|P1|F1|24320-4^Panel^LN",
            f"OBX|1|NM|2345-7^Glucose^LN||{value}|mg/dL|||||{status}",
        )  # fmt: skip

    witness = heard(report("1", "91", "F"), report("2", "19", "C"))
    assert only(witness, "Result") == [
        {"id": "F1:2345-7", "person": "42", "value": "19", "units": "mg/dL", "status": "C"}
    ]


def test_orders_appointments_and_documents_stand_as_last_told() -> None:
    witness = heard(
        message("ORM^O01", "1", pid("42"), "ORC|NW|P1", "OBR|1|P1||GLU"),
        message("ORM^O01", "2", pid("42"), "ORC|CA|P1", "OBR|1|P1||GLU"),
        message("ORM^O01", "3", pid("42"), "ORC|SC|P2|F2||CM", "OBR|1|P2||GLU"),
        message("SIU^S12", "4", "SCH|P9|F9|||||||||^^^20260201090000", pid("42")),
        message("SIU^S26", "5", "SCH|P9|F9|||||||||^^^20260201090000", pid("42")),
        message("MDM^T02", "6", pid("42"), "TXA|1|DS|TX|||||||||D1|||||AU"),
        message("MDM^T11", "7", pid("42"), "TXA|1|DS|TX|||||||||D1|||||AU"),
    )
    assert [(one["id"], one["status"]) for one in only(witness, "Order")] == [
        ("P1", "cancelled"),
        ("P2", "completed"),
    ]
    assert only(witness, "Appointment") == [
        {"id": "F9", "person": "42", "start": "20260201090000", "status": "no-show"}
    ]
    assert only(witness, "Document") == [{"id": "D1", "person": "42", "status": "cancelled"}]


def test_records_come_kind_by_kind_and_only_those_asked_for() -> None:
    witness = heard(message("ADT^A01", "1", pid("42"), pv1("V1")))
    assert [one["resourceType"] for one in witness.records()] == ["Message", "Person", "Visit"]
    assert [one["resourceType"] for one in witness.records(("Visit",))] == ["Visit"]
    assert set(KINDS) >= {"Message", "Person", "Visit"}
