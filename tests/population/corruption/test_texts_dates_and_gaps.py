"""Corruptions of encodings, dates, gaps and fields of the site's own: what they do to charts of all vendors."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.personalities.load import ehr_names
from mockehr.population.corruption.base import corruptions
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

DIRTYING = (
    "data-absent-reason", "day-first-text", "documents-in-latin-1", "double-encoded-text", "empty-strings",
    "future-dates", "leap-seconds", "local-extensions", "lone-surrogates", "missing-required", "missing-time-zones",
    "mixed-encodings", "modifier-extensions", "nul-and-controls", "nulls", "placeholder-dates", "unknown-codes",
    "unknown-elements",
)  # fmt: skip
Record = dict[str, Any]


@cache
def site_of(vendor: str) -> Site:
    return build_site(SiteOptions("a", vendor, patients=6, stepped=True, open_access=True))


def armed(vendor: str, corruption: str, **settings: Any) -> Charts:
    charts = site_of(vendor).charts
    assert charts is not None
    for name in list(charts.infections):
        charts.cure(name)
    site_of(vendor).arm({"use": corruption, "with": {"rate": 1.0, **settings}})
    return charts


def documents(charts: Charts, index: int, *, dirty: bool = True) -> dict[str, Record]:
    made = (document for document, _ in charts.dress(index, dirty=dirty))
    return {f"{one['resourceType']}/{one['id']}": one for one in made}


def changed(charts: Charts, index: int = 0) -> Iterator[tuple[Record, Record]]:
    """What each corrupted record is, and how it is shown."""
    clean, shown = documents(charts, index, dirty=False), documents(charts, index)
    for key in charts.corrupted(index):
        yield clean[key], shown[key]


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(part)


@pytest.mark.parametrize("corruption", DIRTYING)
@pytest.mark.parametrize("vendor", ehr_names())
def test_some_records_are_shown_otherwise_and_exactly_those_are_named(vendor: str, corruption: str) -> None:
    charts = armed(vendor, corruption)
    clean, shown = documents(charts, 0, dirty=False), documents(charts, 0)
    assert list(clean) == list(shown)
    different = {key for key in clean if clean[key] != shown[key]}
    assert different
    assert different == set(charts.corrupted(0))
    first = next(iter(shown.values()))
    assert charts.dress(0, dirty=True, patient_only=True)[0][0] == first
    assert charts.patient(0).document == first
    for key in different:
        found = charts.read(*key.split("/"))
        assert found is not None
        assert found.document == shown[key]
        assert json.loads(found.body.decode("utf-8", "surrogateescape")) == json.loads(json.dumps(shown[key]))


@pytest.mark.parametrize("corruption", [*DIRTYING, "partial-dates"])
def test_the_same_seed_gives_the_same_octets_and_another_one_others(corruption: str) -> None:
    def octets(seed: int) -> list[bytes]:
        site = build_site(SiteOptions("a", patients=3, stepped=True, seed=seed))
        site.arm({"use": corruption, "with": {"rate": 1.0}})
        assert site.charts is not None
        return [record.body for record in site.charts.dressed(0).by_key.values()]

    one = octets(5)
    assert one == octets(5)
    assert one != octets(6)


@pytest.mark.parametrize("corruption", DIRTYING)
def test_what_is_given_is_left_alone(corruption: str) -> None:
    charts = armed("generic", corruption)
    chart = list(documents(charts, 0, dirty=False).values())
    before = copy.deepcopy(chart)
    assert charts.infections[corruption].ailment.dirty(chart, Chance(1).stream("x")) != chart
    assert chart == before


def test_all_of_them_together_leave_records_that_can_be_sent_and_asked_for() -> None:
    site = build_site(SiteOptions("a", patients=4, stepped=True, open_access=True))
    for name in corruptions():
        if name not in ("large-documents", "long-charts"):
            site.arm({"use": name, "with": {"rate": 1.0}})
    for query in ("patient=p0", "patient=p0&_sort=-date&_format=xml", "patient=p0&status=final&date=ge2001"):
        exchange = Exchange("fhir", path="/Observation", query=query, base_url="http://a.example.org/fhir")
        reply = site.handle(exchange).reply
        assert reply is not None
        assert reply.status == 200
        assert len(reply.body) > 2000


# encodings


def test_double_encoded_texts_are_what_they_were_when_both_steps_are_undone() -> None:
    rounds = set()
    for seed in range(8):
        ailment = armed("generic", "double-encoded-text", share=1.0).infections["double-encoded-text"].ailment
        chart: list[Record] = [{"resourceType": "Patient", "name": [{"family": "Muñoz", "given": ["Zoë", "Ann"]}]}]
        name = ailment.dirty(chart, Chance(seed).stream("x"))[0]["name"][0]
        family, times = name["family"], 0
        while family != "Muñoz":
            family, times = family.encode("cp1252").decode("utf-8"), times + 1
        assert name["given"][1] == "Ann"
        rounds.add(times)
    assert rounds == {1, 2}


def test_one_record_has_latin_1_octets_beside_utf_8() -> None:
    body = armed("generic", "mixed-encodings").patient(0).body
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")
    assert "ó".encode() in body
    assert b"\xf3" in body.replace("ó".encode(), b"")
    exchange = Exchange("fhir", path="/Patient", query="_id=p0&_elements=name", base_url="http://a.example.org/fhir")
    reply = site_of("generic").handle(exchange).reply
    assert reply is not None
    assert b"\xf3" in reply.body.replace("ó".encode(), b"")


def test_controls_stand_at_the_ends_of_texts_and_come_off_again() -> None:
    for true, shown in changed(armed("generic", "nul-and-controls")):
        littered = [(one, other) for one, other in zip(texts(true), texts(shown), strict=True) if one != other]
        assert littered
        assert all(other.strip("\0\x01\x1a\x1f\x7f\ufeff") == one for one, other in littered)


def test_half_an_emoji_goes_out_as_an_escape_and_in_xml_as_a_replacement() -> None:
    charts = armed("generic", "lone-surrogates")
    key = next(key for key in charts.corrupted(0) if key.startswith("Observation"))
    record = charts.read(*key.split("/"))
    assert record is not None
    assert b" \\ud83" in record.body
    text = json.loads(record.body)["code"]["text"]
    with pytest.raises(UnicodeEncodeError):
        text.encode()
    bodies = {}
    id = key.partition("/")[2]
    for form, path, query in (
        ("json", f"/{key}", "_format=json"),
        ("xml", f"/{key}", "_format=xml"),
        ("some", "/Observation", f"_id={id}&_elements=code"),
    ):
        exchange = Exchange("fhir", path=path, query=query, base_url="http://a.example.org/fhir")
        reply = site_of("generic").handle(exchange).reply
        assert reply is not None
        bodies[form] = reply.body
    assert b"\\ud83" in bodies["json"]
    assert b"\\ud83" in bodies["some"]
    assert "\ufffd" in bodies["xml"].decode()


def test_notes_in_latin_1_say_what_they_said_and_claim_utf_8() -> None:
    found = 0
    for true, shown in changed(armed("generic", "documents-in-latin-1", share=1.0)):
        if true["resourceType"] == "Binary":
            was, now = (base64.b64decode(one["data"]) for one in (true, shown))
            assert now.decode("latin-1") == was.decode("utf-8")
            assert b"charset=utf-8" in now or b'charset="utf-8"' in now or "html" not in true["contentType"]
            assert shown["contentType"] == true["contentType"]
            found += 1
    assert found


# dates


@pytest.mark.parametrize("vendor", ehr_names())
def test_partial_dates_are_true_and_the_beginning_of_the_full_ones(vendor: str) -> None:
    charts = armed(vendor, "partial-dates")
    known = documents(charts, 0)
    assert known == documents(charts, 0, dirty=False)
    assert not charts.corrupted(0)
    charts.cure("partial-dates")
    full, cut = documents(charts, 0), 0
    assert list(full) == list(known)
    names = ("onsetDateTime", "abatementDateTime", "occurrenceDateTime", "performedDateTime")
    for key in full:
        for name in names:
            one, other = full[key].get(name), known[key].get(name)
            if one != other:
                assert len(str(other)) in (4, 7)
                assert str(one).startswith(str(other))
                cut += 1
    assert cut
    first = next(iter(full))
    assert full[first] == known[first]


def test_times_without_zones_are_those_of_a_clock_on_the_wall() -> None:
    for true, shown in changed(armed("generic", "missing-time-zones", hours=-5)):
        pairs = [(one, other) for one, other in zip(texts(true), texts(shown), strict=True) if one != other]
        assert pairs
        for one, other in pairs:
            at = datetime.fromisoformat(one).astimezone(UTC).replace(tzinfo=None)
            assert datetime.fromisoformat(other) == at - timedelta(hours=5)
    with pytest.raises(ConfigError, match="hours"):
        armed("generic", "missing-time-zones", hours=30)


def test_placeholders_stand_only_where_there_was_no_date() -> None:
    shown_ones = set()
    charts = armed("hl7_facade", "placeholder-dates")
    for true, shown in (pair for index in range(3) for pair in changed(charts, index)):
        told = [name for name in shown if shown[name] != true.get(name)]
        for name in told:
            dates = {shown[name]} if isinstance(shown[name], str) else set(shown[name].values())
            before = true.get(name, {})
            shown_ones |= dates - set(before.values())
    assert shown_ones == {"1900-01-01", "9999-12-31"}
    ailment = charts.infections["placeholder-dates"].ailment
    ended: Record = {"resourceType": "Coverage", "period": {"start": "2020-01-01", "end": "2021-01-01"}}
    resolved: Record = {"resourceType": "Condition", "onsetAge": {"value": 4}, "abatementDateTime": "2021-01-01"}
    assert ailment.dirty([ended, resolved], Chance(1).stream("x")) == [ended, resolved]


def test_future_dates_are_a_hundred_years_late_and_nothing_else_is() -> None:
    for true, shown in changed(armed("generic", "future-dates", share=1.0)):
        late = [(one, other) for one, other in zip(texts(true), texts(shown), strict=True) if one != other]
        assert late
        assert all(int(other[:4]) - int(one[:4]) == 100 and one[4:] == other[4:] for one, other in late)


def test_day_first_texts_can_be_read_back() -> None:
    for true, shown in changed(armed("generic", "day-first-text", share=1.0)):
        for one, other in zip(texts(true), texts(shown), strict=True):
            if one != other:
                day, _, time = other.partition(" ")
                read = datetime.strptime(day, "%d/%m/%Y").date().isoformat()
                assert one == (f"{read}T{time}" if time else read)


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    for true, shown in changed(armed("generic", "leap-seconds", share=1.0)):
        for one, other in zip(texts(true), texts(shown), strict=True):
            if one != other:
                assert other[16:19] == ":60"
                read = datetime.fromisoformat(other.replace(":60", ":59", 1)) + timedelta(seconds=1)
                assert read == datetime.fromisoformat(one)


# what is missing, and what is the site's own


def test_one_required_element_is_gone_and_no_other() -> None:
    gone = set()
    for true, shown in changed(armed("generic", "missing-required", share=1.0)):
        (missing,) = set(true) - set(shown)
        assert shown == {name: value for name, value in true.items() if name != missing}
        gone.add((true["resourceType"], missing))
    assert {("Observation", "status"), ("Observation", "code")} <= gone


def test_a_missing_value_says_why() -> None:
    kinds = set()
    for true, shown in changed(armed("generic", "data-absent-reason", share=1.0)):
        (gone,) = set(true) - set(shown)
        (told,) = set(shown) - set(true)
        kinds.add(true["resourceType"])
        if true["resourceType"] == "Observation":
            assert gone.startswith("value")
            assert shown["dataAbsentReason"]["coding"][0]["system"].endswith("data-absent-reason")
        else:
            assert told == f"_{gone}"
            assert shown[told]["extension"][0]["url"].endswith("data-absent-reason")
    assert {"Observation", "Condition"} <= kinds


def test_empty_texts_and_nulls_are_all_that_is_added_to_a_patient() -> None:
    def without(node: Any, empty: Any) -> Any:
        if isinstance(node, dict):
            return {name: made for name, one in node.items() if (made := without(one, empty)) not in (empty, [])}
        return [made for one in node if (made := without(one, empty)) != empty] if isinstance(node, list) else node

    for corruption, empty in (("empty-strings", ""), ("nulls", None)):
        true, shown = next(changed(armed("generic", corruption)))
        assert true["resourceType"] == "Patient"
        assert without(shown, empty) == true
        assert shown != true


def test_unknown_codes_are_in_no_list_of_the_standard() -> None:
    known = {
        "phone", "email", "fax", "pager", "url", "sms", "other", "home", "work", "temp", "old", "mobile", "billing",
        "usual", "official", "nickname", "anonymous", "maiden", "postal", "physical", "both",
    }  # fmt: skip
    true, shown = next(changed(armed("generic", "unknown-codes")))
    for name, parts in (("telecom", ("system", "use")), ("name", ("use",)), ("address", ("use", "type"))):
        for part in parts:
            assert true[name][0][part] in known
            assert shown[name][0][part] not in known


def test_own_extensions_come_first_and_the_true_ones_after_them() -> None:
    for true, shown in changed(armed("generic", "local-extensions", share=1.0)):
        added = len(shown["extension"]) - len(true.get("extension", ()))
        assert added == 2
        assert shown["extension"][added:] == true.get("extension", [])
        assert shown["extension"][0]["extension"][0]["extension"]


def test_a_scaled_value_is_the_true_one_after_the_multiplication() -> None:
    for true, shown in changed(armed("generic", "modifier-extensions", share=1.0)):
        scale = shown["modifierExtension"][0]["valueDecimal"]
        assert shown["valueQuantity"]["value"] != true["valueQuantity"]["value"]
        assert shown["valueQuantity"]["value"] * scale == pytest.approx(true["valueQuantity"]["value"])


def test_unknown_members_are_added_and_nothing_is_changed() -> None:
    for true, shown in changed(armed("generic", "unknown-elements", share=1.0)):
        assert set(shown) - set(true) == {"customFields", "_links", "x_rowVersion"}
        assert true.items() <= shown.items()
