"""ADT in: what each trigger asks for, what odd senders are forgiven, and what cannot be applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import (
    Accepted,
    Account,
    Associate,
    Context,
    Key,
    Listing,
    Merge,
    Remove,
    Renumber,
    Unmerge,
    Upsert,
)
from mockehr.hl7.dialect import GENERIC, Dialect, IdentifierRule
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
SYSTEM = "http://example.org/authority/H"
PID = "PID|1||1^^^H^MR||Muster^Erika"
PV1 = "PV1|1|I|3W||||||||||||||||V1^^^H^VN"
RULED = replace(
    GENERIC,
    identifiers=(IdentifierRule("urn:oid:1.1", "EPI", "MR"), IdentifierRule("urn:oid:2.2", "EPIC", "MRN")),
)


def take(trigger: str, *segments: str, dialect: Dialect = GENERIC, **rest: Any) -> Accepted:
    head = f"MSH|^~\\&|ADT|H1|EHR|H2|20260105115959||ADT^{trigger}|M1|P|2.5.1"
    return accept(Message("\r".join([head, *segments, ""]).encode()), Context(AT, dialect, **rest))


def upsert(accepted: Accepted, kind: str = "Patient") -> Upsert:
    return next(one for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == kind)


def refused(trigger: str, *segments: str, **rest: Any) -> tuple[int, str]:
    with pytest.raises(Rejection) as caught:
        take(trigger, *segments, **rest)
    (fault,) = caught.value.faults
    return fault.code, fault.place


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("A06", "in-progress"), ("A07", "in-progress"), ("A09", None), ("A10", "in-progress"), ("A12", "in-progress"),
        ("A14", "planned"), ("A21", "onleave"), ("A22", "in-progress"), ("A27", "cancelled"), ("A38", "cancelled"),
    ],
)  # fmt: skip
def test_the_trigger_says_what_became_of_the_visit(trigger: str, status: str | None) -> None:
    accepted = take(trigger, PID, PV1)
    assert accepted.subject == "Encounter"
    assert upsert(accepted, "Encounter").resource.get("status") == status
    assert refused(trigger, PID) == (100, "PV1")


@pytest.mark.parametrize(
    ("word", "code"),
    [("INPATIENT", "IMP"), ("i", "IMP"), ("P", "PRENC"), ("Emergency", "EMER"), ("OUTPATIENT", "AMB")],
)
def test_words_for_a_class_are_understood(word: str, code: str) -> None:
    stay = upsert(take("A01", PID, PV1.replace("|I|", f"|{word}|")), "Encounter")
    assert (stay.resource["class"]["code"], stay.warnings) == (code, ())


def test_a_class_that_nobody_knows_is_a_warning_and_no_word_about_a_known_visit() -> None:
    odd = PV1.replace("|I|", "|X9|")
    stay = upsert(take("A01", PID, odd), "Encounter")
    assert "class" not in stay.resource
    assert stay.defaults["class"]["code"] == "AMB"
    assert [(fault.code, fault.severity, fault.place) for fault in stay.warnings] == [(103, "W", "PV1-2")]
    assert refused("A01", PID, odd, strict=True) == (103, "PV1-2")


def test_a_pre_admission_is_planned_where_nothing_else_says_so() -> None:
    assert upsert(take("A08", PID, PV1.replace("|I|", "|P|")), "Encounter").defaults == {"status": "planned"}


@pytest.mark.parametrize(
    ("pid", "keys"),
    [
        ("PID|1|7^^^H||||D^J", [(SYSTEM, "7")]),
        ("PID|1||^^^H^MR|8^^^H|D^J", [(SYSTEM, "8")]),
        ("PID|1|9^^^H|1^^^H^MR||D^J", [(SYSTEM, "1")]),
        ('PID|1||2759^^^H^PI~""^^^NLMIN^PPN||D^J', [(SYSTEM, "2759")]),
        ("PID|1||100234||D^J", [("", "100234")]),
    ],
)
def test_a_patient_is_known_by_whatever_field_has_a_number(pid: str, keys: list[tuple[str, str]]) -> None:
    assert [(key.system, key.value) for key in upsert(take("A08", pid)).match] == keys


def test_a_number_that_says_nothing_of_its_kind_may_be_any_that_the_site_has() -> None:
    person = upsert(take("A08", "PID|1||100234||D^J", dialect=RULED))
    assert person.match == (Key("urn:oid:1.1", "100234"), Key("urn:oid:2.2", "100234"), Key("", "100234"))
    assert "identifier" not in person.resource
    assert [(one["system"], one["value"]) for one in person.defaults["identifier"]] == [("urn:oid:1.1", "100234")]


@pytest.mark.parametrize(
    ("cx", "system"),
    [
        ("1^^^EPI^MR", "urn:oid:1.1"), ("1^^^EPI", "urn:oid:1.1"), ("1^^^EPIC&2.2&ISO^MRN", "urn:oid:2.2"),
        ("1^^^&2.2&ISO", "urn:oid:2.2"), ("1^^^^MRN", "urn:oid:2.2"), ("1^^^OTHER^MRN", f"{SYSTEM[:-1]}OTHER"),
        ("1^^^&9.9&ISO^MR", "urn:oid:9.9"),
    ],
)  # fmt: skip
def test_one_authority_may_be_written_in_many_ways(cx: str, system: str) -> None:
    assert upsert(take("A08", f"PID|1||{cx}||D^J", dialect=RULED)).match == (Key(system, "1"),)


def test_names_of_all_kinds_are_names() -> None:
    pid = "PID|1||1||DOE,JOHN Q~Smith^Jane^^^^^M~^^^^^^L~BLINKA|Alt|||Johnny^Doe"
    names = upsert(take("A08", pid)).resource["name"]
    assert [(one.get("family"), one.get("given"), one.get("use")) for one in names] == [
        ("DOE", ["JOHN", "Q"], None), ("Smith", ["Jane"], "maiden"), ("BLINKA", None, None),
        ("Johnny", ["Doe"], "nickname"),
    ]  # fmt: skip


def test_phones_and_what_else_a_pid_says() -> None:
    pid = "PID|1||1||D^J||00000000|Female|||||^PRN^PH^^1^555^5550100~^NET^^a@example.org|||||||||||Y|2"
    found = upsert(take("A08", pid)).resource
    assert found["telecom"] == [
        {"system": "phone", "value": "1-555-5550100", "use": "home"}, {"system": "email", "value": "a@example.org"},
    ]  # fmt: skip
    assert (found["gender"], found["multipleBirthInteger"]) == ("female", 2)
    assert "birthDate" not in found


def revised(pid: str, stored: dict[str, Any]) -> dict[str, Any]:
    """What a PID makes of a patient who is known."""
    person = upsert(take("A08", pid))
    assert person.revise is not None
    kept = {name: value for name, value in stored.items() if name not in person.cleared}
    return {name: one for name, one in {**kept, **person.revise(stored, person.resource)}.items() if one is not None}


def test_what_a_pid_says_in_part_keeps_the_other_part() -> None:
    home, work = ({"system": "phone", "value": value, "use": use} for value, use in (("1", "home"), ("2", "work")))
    stored = {"telecom": [home, work], "name": [{"family": "D", "given": ["J"], "period": {"start": "2020"}}]}
    assert revised("PID|1||1||D^J", stored)["name"] == stored["name"]
    assert revised("PID|1||1||E^J", stored)["name"] == [{"family": "E", "given": ["J"]}]
    assert revised("PID|1||1||D^J||||||||3", stored)["telecom"] == [{**home, "value": "3"}, work]
    assert revised('PID|1||1||D^J||||||||""', stored)["telecom"] == [work]
    assert "telecom" not in revised('PID|1||1||D^J||||||||""|""', stored)
    sex = {"url": "http://example.org/sex", "valueCode": "F"}
    race = revised("PID|1||1||D^J|||||2028-9^Asian", {"extension": [sex]})["extension"]
    assert [one["url"].rpartition("/")[2] for one in race] == ["sex", "us-core-race"]


def test_lists_are_asked_for_where_their_segments_are() -> None:
    accepted = take("A08", PID, PV1, "AL1|1||^Latex", "DG1|1||I10^x^I10", "IN1|1|P|C|Co", "NK1|1|A^B", "PR1|1||X^y^L")
    listed = {one.resource_type: len(one.items) for one in accepted.intents if isinstance(one, Listing)}
    assert listed == {"AllergyIntolerance": 1, "Condition": 1, "Coverage": 1, "RelatedPerson": 1, "Procedure": 1}
    assert not [one for one in take("A08", PID, PV1).intents if isinstance(one, Listing)]
    kept = take("A08", PID, "AL1|1||^Latex", dialect=replace(GENERIC, lists="incremental"))
    assert [one.retired for one in kept.intents if isinstance(one, Listing)] == [None]


def test_a_class_change_looks_for_the_visit_under_its_former_number_too() -> None:
    stay = upsert(take("A06", PID, "MRG|1^^^H^MR||A9^^^H||V0^^^H^VN", PV1), "Encounter")
    assert stay.match == (Key(SYSTEM, "V1"), Key(SYSTEM, "V0"), Key(SYSTEM, "A9"))


@pytest.mark.parametrize("trigger", ["A18", "A30", "A34", "A36", "A39", "A40"])
def test_each_kind_of_merge_names_both(trigger: str) -> None:
    accepted = take(trigger, PID, "MRG|2^^^H^MR")
    person, merge = accepted.intents[:2]
    assert merge == Merge((Key(SYSTEM, "1"),), (Key(SYSTEM, "2"),))
    assert isinstance(person, Upsert)
    assert (person.within, person.quiet) == ((Key(SYSTEM, "2"),), True)
    assert refused(trigger, PID, "MRG|1^^^H^MR") == (205, "MRG-1")


def test_external_numbers_and_accounts_are_merged_by_their_own_fields() -> None:
    external = take("A39", "PID|1|E1^^^H|1^^^H^MR||D^J", "MRG|1^^^H^MR|||E2^^^H")
    assert external.intents[1] == Merge((Key(SYSTEM, "E1"),), (Key(SYSTEM, "E2"),))
    pid = PID + "|" * 13 + "N^^^H^AN"
    for trigger in ("A35", "A36", "A41"):
        account = take(trigger, pid, "MRG|2^^^H^MR||O^^^H").intents[-1]
        assert isinstance(account, Account), trigger
        assert (account.old, account.new["value"]) == ((Key(SYSTEM, "O"),), "N")
    assert refused("A41", PID, "MRG|2^^^H^MR||O^^^H") == (101, "PID-18")
    assert refused("A41", pid, "MRG|2^^^H^MR") == (101, "MRG-3")


def test_links_and_their_end_name_two() -> None:
    second = "PID|2||2^^^H^MR||D^J"
    one, two = (Key(SYSTEM, "1"),), (Key(SYSTEM, "2"),)
    assert take("A24", PID, second).intents[-1] == Associate(one, two)
    assert take("A37", PID, second).intents == (Unmerge(one, two),)
    for trigger in ("A24", "A37"):
        assert refused(trigger, PID) == (100, "PID[2]")
        assert refused(trigger, PID, PID) == (205, "PID[2]-3")


def test_numbers_change_and_records_go() -> None:
    (renumber,) = take("A47", PID, "MRG|0^^^H^MR~1^^^H^MR").intents
    assert isinstance(renumber, Renumber)
    assert (renumber.old, [one["value"] for one in renumber.new]) == ((Key(SYSTEM, "0"),), ["1"])
    assert refused("A47", PID, "MRG|1^^^H^MR") == (205, "MRG-1")
    (person,) = take("A29", PID).intents
    (stay,) = take("A23", PID, PV1).intents
    assert isinstance(person, Remove)
    assert isinstance(stay, Remove)
    assert (person.match, stay.match) == ((Key(SYSTEM, "1"),), (Key(SYSTEM, "V1"),))
    assert refused("A23", PID, "PV1|1|I") == (101, "PV1-19")


def test_a_swap_has_two_pairs() -> None:
    second = "PID|2||2^^^H^MR||D^J"
    stays = [
        one
        for one in take("A17", PID, PV1, second, PV1.replace("V1^", "V2^")).intents
        if isinstance(one, Upsert) and one.resource_type == "Encounter"
    ]
    assert [(one.key, one.quiet, one.match[0].value) for one in stays] == [
        ("encounter-1", True, "V1"), ("encounter-2", False, "V2"),
    ]  # fmt: skip
    assert stays[1].resource["subject"]["reference"].endswith("patient-2")
    assert refused("A17", PID, PV1) == (100, "PID[2]")
    assert refused("A17", PID, PV1, second) == (100, "PV1[2]")


def test_a_strict_listener_passes_its_mind_on() -> None:
    merge = take("A40", PID, "MRG|2^^^H^MR", strict=True).intents[1]
    assert isinstance(merge, Merge)
    assert merge.strict
