"""Quirks of bulk exports in memory: their settings, at every vendor, and what they leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sites.exporter import Exporter, site_of

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange, Reply
from mockehr.quirks.rule import quirks, rule_from
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

QUERY = "?_type=Patient,Condition"
PATIENTS = "?_type=Patient"


def armed(use: str, vendor: str = "generic", settings: Any = None, when: Any = None, **bulk: Any) -> Exporter:
    """A client of a site of three patients with one rule."""
    site = site_of(vendor, patients=3, bulk=bulk)
    site.arm({"use": use, "with": settings or {}, "when": when or {}})
    return Exporter(site)


def ordered(client: Exporter, query: str = PATIENTS) -> str:
    return client.kick_off(client.group(), query).header("Content-Location")


def listed(client: Exporter, query: str = QUERY) -> dict[str, Any]:
    return client.manifest(client.kick_off(client.group(), query))


def got(client: Exporter, file: dict[str, Any], **headers: str) -> Reply:
    """A file, wherever it lies."""
    reply = client.send("GET", file["url"], headers)
    return client.send("GET", reply.header("Location"), {"authorization": ""}) if reply.status == 307 else reply


def last(site: Site) -> Exchange:
    return list(site.journal)[-1]


def decided(site: Site, outcome: str) -> list[str]:
    return [one.why for exchange in site.journal for one in exchange.decisions if one.outcome == outcome]


def code_of(reply: Reply) -> str:
    return str(json.loads(reply.body)["issue"][0]["code"])


@pytest.mark.parametrize(("penalty", "waits"), [("none", ["5", "5", "5", "5"]), ("grows", ["5", "10", "20", "25"])])
def test_who_asks_too_soon_waits_as_long_as_the_penalty_says(penalty: str, waits: list[str]) -> None:
    client = armed("bulk-poll-throttled", settings={"penalty": penalty, "longest": "25s"}, at_least=4)
    job = ordered(client)
    replies = [client.send("GET", job) for _ in waits]
    assert [reply.status for reply in replies] == [202, 429, 429, 429]
    assert [reply.header("Retry-After") for reply in replies] == waits
    client.site.clock.advance(float(waits[-1]) - 0.1)
    assert client.send("GET", job).status == 429
    client.site.clock.advance(0.1 if penalty == "none" else 25)
    assert client.send("GET", job).status == 200


def test_an_export_that_was_asked_after_too_soon_can_begin_again() -> None:
    client = armed("bulk-poll-throttled", settings={"penalty": "restart"}, at_least=60, per_patient=0)
    job = ordered(client)
    told = []
    for seconds in (58, 1, 5, 54, 1):
        client.site.clock.advance(seconds)
        reply = client.send("GET", job)
        told.append((reply.status, reply.header("Retry-After")))
    assert told == [(202, "5"), (429, "5"), (202, "5"), (202, "5"), (429, "5")]
    client.site.clock.advance(60)
    assert client.send("GET", job).status == 200


def test_a_wait_can_be_told_as_a_date_and_is_over_then() -> None:
    client = armed("bulk-poll-throttled", settings={"retry_after": "date", "status": 503, "penalty": "grows"})
    client.site.clock.advance(0.7)
    job = ordered(client)
    client.send("GET", job)
    refused = client.send("GET", job)
    assert (refused.status, refused.header("Retry-After")) == (503, "Mon, 05 Jan 2026 12:00:10 GMT")
    client.site.clock.advance(9.3)
    assert client.send("GET", job).status == 200


@pytest.mark.parametrize(("status", "code"), [(404, "not-found"), (410, "deleted"), (500, "exception")])
def test_so_many_exports_of_each_client_are_lost(status: int, code: str) -> None:
    client = armed("bulk-job-lost", settings={"status": status, "jobs": 2, "at": 1.0})
    other = Exporter(client.site, "other")
    ended = []
    for who in (client, client, client, other):
        job = ordered(who)
        assert who.send("GET", job).status == 202
        client.site.clock.advance(60)
        ended.append(who.send("GET", job))
        assert who.send("GET", job).status == ended[-1].status  # for good
    assert [reply.status for reply in ended] == [status, status, 200, status]
    assert code_of(ended[0]) == code


def test_a_poll_that_fails_is_transient_and_an_export_that_fails_is_not() -> None:
    for use, status, code in (("bulk-poll-fails", 502, "transient"), ("bulk-job-fails", 501, "exception")):
        client = armed(use, settings={"status": status})
        job = ordered(client)
        client.site.clock.advance(60)
        reply = client.send("GET", job)
        assert (reply.status, code_of(reply)) == (status, code)
        assert not reply.header("Retry-After")
    told = armed("bulk-poll-fails", settings={"retry_after": "1.5s"})
    assert told.send("GET", ordered(told)).header("Retry-After") == "2"


@pytest.mark.parametrize(
    ("form", "told"),
    [("stuck", ["99% complete"] * 2), ("backwards", ["90% complete", "80% complete"]), ("silent", [""] * 2)],
)
def test_progress_stalls_as_it_is_told_and_ends(form: str, told: list[str]) -> None:
    client = armed("bulk-progress-stalls", settings={"form": form, "longer": "1h", "retry_after": 7})
    job = ordered(client)
    replies = [client.send("GET", job) for _ in told]
    assert [reply.header("X-Progress") for reply in replies] == told
    assert {reply.header("Retry-After") for reply in replies} == {"7"}
    client.site.clock.advance(3600 + 6)
    assert client.send("GET", job).status == 200


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize("status", [403, 404, 410])
def test_files_expire_at_every_vendor_in_its_own_words(vendor: str, status: int) -> None:
    client = armed("bulk-file-expired", vendor, {"after": "30s", "status": status})
    files = listed(client)["output"]
    assert got(client, files[0]).status == 200
    client.site.clock.advance(30)
    assert [got(client, file).status for file in files] == [status] * len(files)
    kind = got(client, files[0]).header("Content-Type")
    assert kind.startswith("application/xml" if vendor == "oracle" else "application/fhir+json")
    assert decided(client.site, "fired")[-1].endswith("expired after 30 s")


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_what_failed_is_told_in_error_and_missing_in_output_and_all_of_it_adds_up(vendor: str) -> None:
    whole = listed(Exporter(site_of(vendor, patients=3)))["output"]
    client = armed("bulk-error-file", vendor, {"share": 0.3})
    manifest = listed(client)
    there = client.records({"output": manifest["output"]})
    outcomes = [json.loads(line) for file in manifest["error"] for line in got(client, file).body.splitlines()]
    named = {one["issue"][0]["diagnostics"] for one in outcomes}
    assert len(named) == len(outcomes) == sum(file["count"] for file in manifest["error"]) >= len(whole)
    assert not named & there.keys()
    assert len(named) + len(there) == sum(file["count"] for file in whole)
    again = client.manifest(Reply(202, [("Content-Location", polled(client.site))]))
    assert (again["output"], again["error"]) == (manifest["output"], manifest["error"])


@pytest.mark.parametrize("first", ["bulk-error-file", "bulk-file-truncated", "bulk-duplicate-lines"])
def test_the_same_records_fail_whatever_else_becomes_of_the_file(first: str) -> None:
    """Rules act in the order in which they were armed."""
    site = site_of(patients=3)
    for use in sorted(
        ("bulk-error-file", "bulk-file-truncated", "bulk-duplicate-lines"), key=lambda use: use != first
    ):
        settings = {"form": "line-end", "share": 0.7} if use == "bulk-file-truncated" else {}
        site.arm({"use": use, "with": settings, "when": {} if use == "bulk-error-file" else {"first": 1}})
    client = Exporter(site)
    file = listed(client, PATIENTS)["output"][0]
    got(client, file)
    lacked = [why.partition(" lacks ")[2].partition(", ")[0] for why in decided(site, "fired") if " lacks " in why]
    got(client, file)
    assert [why.partition(" lacks ")[2] for why in decided(site, "fired") if " lacks " in why][1:] == lacked


def polled(site: Site) -> str:
    poll = next(one for one in site.journal if one.interaction is not None and one.interaction.name == "bulk-status")
    root = poll.base_url.removesuffix(site.fhir_path)
    return f"{root}{poll.path if poll.channel == 'files' else site.fhir_path + poll.path}"


def test_records_of_other_types_than_those_that_are_meant_do_not_fail() -> None:
    client = armed("bulk-error-file", settings={"types": ["Condition"]})
    manifest = listed(client)
    assert [file["url"].rpartition("/")[2] for file in manifest["error"]] == ["Condition.0.1.ndjson?errors=1"]
    assert got(client, manifest["output"][0]).body.count(b"\n") == manifest["output"][0]["count"] == 3


@pytest.mark.parametrize("use", ["bulk-error-file", "bulk-wrong-count"])
def test_a_manifest_that_does_not_count_stays_as_it_is(use: str) -> None:
    client = armed(use, counted_up_to=0)
    assert "count" not in str(listed(client))
    assert decided(client.site, "fired") == []


@pytest.mark.parametrize(
    ("form", "lines"),
    [("half", 2), ("no-json", 2), ("null", 2), ("blank", 3), ("joined", 1)],
)
def test_one_line_is_spoiled_and_the_journal_says_which(form: str, lines: int) -> None:
    client = armed("bulk-bad-line", settings={"form": form})
    octets = got(client, listed(client, PATIENTS)["output"][0]).body
    sound = [line for line in octets.split(b"\n") if line.startswith(b"{") and is_record(line)]
    assert len(sound) == lines
    told = decided(client.site, "fired")[-1]
    number = int(told.removeprefix("line ").partition(" of 3 of file Patient.0.1 is ")[0])
    if form in ("half", "no-json", "null"):
        assert not is_record(octets.split(b"\n")[number - 1])
        assert last(client.site).notes["damaged"] == told
    else:
        assert "damaged" not in last(client.site).notes


def is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def test_lines_are_spoiled_the_same_in_another_run_and_otherwise_with_another_seed() -> None:
    def told(seed: int) -> list[str]:
        site = build_site(SiteOptions("a", patients=20, stepped=True, seed=seed))
        site.arm({"use": "bulk-bad-line"})
        client = Exporter(site)
        for file in listed(client)["output"]:
            got(client, file)
        return decided(site, "fired")

    assert told(7) == told(7) != told(8)


def test_parts_and_tags_of_a_spoiled_file_are_those_of_what_was_sent() -> None:
    client = armed("bulk-duplicate-lines", settings={"lines": 1})
    file = listed(client, PATIENTS)["output"][0]
    sent = got(client, file)
    assert sent.body.splitlines()[3] == sent.body.splitlines()[0]
    part = got(client, file, range="bytes=-20")
    assert (part.status, part.body) == (206, sent.body[-20:])
    assert part.header("ETag") == sent.header("ETag")
    assert last(client.site).notes["lines"] == 4
    client.site.mischief.clear()
    calm = got(client, file)
    assert sent.body.startswith(calm.body)
    assert calm.header("ETag") != sent.header("ETag")


def test_a_file_ends_where_its_share_ends() -> None:
    for form, ends in (("line-end", b"\n"), ("mid-line", b"")):
        client = armed("bulk-file-truncated", settings={"form": form, "share": 0.7})
        octets = got(client, listed(client, PATIENTS)["output"][0]).body
        assert octets.count(b"\n") == 2
        assert octets.endswith(b"\n") is (ends == b"\n")
    client = armed("bulk-file-truncated", settings={"form": "connection-cut", "share": 0.7})
    octets = got(client, listed(client, PATIENTS)["output"][0]).body
    effects = last(client.site).effects
    assert effects is not None
    assert effects.cut_at is not None
    assert octets[: effects.cut_at].count(b"\n") == 2
    assert 2 < len(octets[: effects.cut_at].splitlines()[2]) < len(octets.splitlines()[2])


def test_the_file_that_is_left_out_can_be_of_any_type() -> None:
    client = armed("bulk-missing-file", settings={"type": "Condition"})
    assert [file["type"] for file in listed(client)["output"]] == ["Patient"]
    assert decided(client.site, "fired")[0].endswith("Condition.0.1.ndjson is not listed")
    alone = armed("bulk-missing-file")
    assert len(listed(alone, PATIENTS)["output"]) == 1


@pytest.mark.parametrize("use", sorted(name for name in quirks() if name.startswith("bulk-")))
def test_cancelling_is_never_disturbed_nor_are_strangers_told_anything(use: str) -> None:
    client = armed(use)
    job = ordered(client)
    client.site.clock.advance(60)
    assert Exporter(client.site, "stranger").send("GET", job).status == 404
    assert client.send("DELETE", job).status == 202
    assert client.send("GET", job).status == 404
    assert decided(client.site, "fired") == []


@pytest.mark.parametrize(
    ("use", "settings", "said"),
    [
        ("bulk-poll-throttled", {"penalty": "grow"}, "did you mean grows"),
        ("bulk-poll-throttled", {"retry_after": "huge"}, "seconds, date"),
        ("bulk-poll-throttled", {"status": 500}, "429, 503"),
        ("bulk-poll-fails", {"status": 404}, "500, 502, 503, 504"),
        ("bulk-poll-fails", {"times": 0}, "1 or more"),
        ("bulk-job-lost", {"status": 200}, "404, 410, 500"),
        ("bulk-job-lost", {"at": 2.0}, "0..1"),
        ("bulk-job-lost", {"jobs": -1}, "0 or more"),
        ("bulk-job-fails", {"status": 404}, "500, 501"),
        ("bulk-job-fails", {"jobs": -1}, "0 or more"),
        ("bulk-progress-stalls", {"form": "back"}, "backwards"),
        ("bulk-progress-stalls", {"retry_after": -1}, "0 or more"),
        ("bulk-file-expired", {"status": 401}, "403, 404, 410"),
        ("bulk-file-expired", {"jobs": -1}, "0 or more"),
        ("bulk-file-truncated", {"form": "mid"}, "mid-line"),
        ("bulk-file-truncated", {"share": 1.0}, "from 0 up to"),
        ("bulk-bad-line", {"form": "xml"}, "must be one of"),
        ("bulk-duplicate-lines", {"lines": 0}, "1 or more"),
        ("bulk-wrong-count", {"by": 0}, "no quirk"),
        ("bulk-error-file", {"share": 2.0}, "0..1"),
    ],
)
def test_a_bad_setting_is_refused_and_says_what_is_meant(use: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rule_from({"use": use, "with": settings})
    assert said in str(refused.value)


@pytest.mark.parametrize("use", ["bulk-file-expired", "bulk-job-fails", "bulk-job-lost"])
def test_an_export_that_is_ordered_again_is_spared_and_its_rule_is_idle(use: str) -> None:
    client = armed(use, at_least=0, per_patient=0)
    first = ordered(client)
    poll = client.send("GET", first)
    if use == "bulk-file-expired":
        poll = got(client, json.loads(poll.body)["output"][0])
    assert poll.status >= 400
    fired = decided(client.site, "fired")
    file = listed(client, PATIENTS)["output"][0]
    assert got(client, file).status == 200
    assert decided(client.site, "fired") == fired
    assert [why for why in decided(client.site, "idle") if "happened 1 times" in why]


@pytest.mark.parametrize(
    ("use", "settings"),
    [
        ("bulk-bad-line", {}),
        ("bulk-duplicate-lines", {}),
        ("bulk-error-file", {}),
        ("bulk-file-expired", {}),
        *(("bulk-file-truncated", {"form": form}) for form in ("mid-line", "connection-cut")),
        ("bulk-stray-line", {}),
    ],
)
def test_a_file_that_is_not_there_is_left_alone(use: str, settings: dict[str, Any]) -> None:
    client = armed(use, settings=settings)
    file = listed(client, PATIENTS)["output"][0]
    fired = decided(client.site, "fired")
    reply = client.send("GET", file["url"].replace("Patient.", "Device."))
    assert (reply.status, code_of(reply)) == (404, "not-found")
    assert decided(client.site, "fired") == fired
    assert last(client.site).effects is None


@pytest.mark.parametrize(("form", "outcome"), [("half", "fired"), ("joined", "idle")])
def test_a_file_of_one_record_can_be_spoiled_but_not_joined(form: str, outcome: str) -> None:
    site = site_of(patients=1)
    site.arm({"use": "bulk-bad-line", "with": {"form": form}})
    client = Exporter(site)
    got(client, listed(client, PATIENTS)["output"][0])
    assert len(decided(site, outcome)) == 1


@pytest.mark.parametrize(("form", "lines"), [("mid-line", 2), ("line-end", 1)])
def test_the_journal_counts_the_lines_of_what_was_sent(form: str, lines: int) -> None:
    client = armed("bulk-file-truncated", settings={"form": form, "share": 0.5})
    got(client, listed(client, PATIENTS)["output"][0])
    assert last(client.site).notes["lines"] == lines


def test_the_connection_is_cut_in_the_middle_of_a_line() -> None:
    client = armed("bulk-file-truncated", settings={"form": "connection-cut", "share": 0.5})
    lines = got(client, listed(client, PATIENTS)["output"][0]).body.splitlines(keepends=True)
    effects = last(client.site).effects
    assert effects is not None
    assert effects.cut_at == len(lines[0]) + (len(lines[1]) - 1) // 2
