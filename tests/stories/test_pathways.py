"""The hospital runs: the same every time, seen alike over FHIR, HL7 and the control operations."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mockehr.control.facade import Control
from mockehr.core.errors import ConfigError, UsageError
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

DAY = 86400.0


def hospital(seed: int = 5, rate: str = "4/h", store: str = "memory") -> Site:
    names = ("all",) if rate else ()
    options = SiteOptions("a", patients=400, seed=seed, stepped=True, open_access=True, store=store)
    site = build_site(replace(options, pathways=names, rate=rate))
    site.links.add(Link("engine", "127.0.0.1", 1))
    return site


def trace(site: Site) -> tuple[str, str, int]:
    """Digests of all that was written and of all messages, and how many there are."""
    written, sent = hashlib.sha256(), hashlib.sha256()
    for change in site.log.changes:
        record = site.store.read_version(change.resource_type, change.id, change.version)
        assert record is not None
        written.update(f"{change.number} {change.at} {change.kind} {change.event} {change.patient} ".encode())
        written.update(record.body)
    messages = [exchange.body for exchange in site.links.links["engine"].ready]
    for body in messages:
        sent.update(body)
    return written.hexdigest(), sent.hexdigest(), len(messages)


def test_the_same_seed_gives_the_same_hospital_byte_by_byte() -> None:
    one, two, other = hospital(), hospital(), hospital(seed=6)
    one.clock.advance(2 * DAY)
    for _ in range(48):  # in other steps of the clock
        two.clock.advance(DAY / 24)
    other.clock.advance(2 * DAY)
    assert trace(one) == trace(two)
    assert trace(one)[2] > 300
    assert trace(one)[0] != trace(other)[0]


def test_one_admission_is_the_same_over_every_channel() -> None:
    site = hospital(rate="")
    site.pathways.start("transfer-in-error")
    visit = next(change for change in site.log.changes if change.event == "ADT^A01")
    (message, *_) = [exchange for exchange in site.links.links["engine"].ready if b"ADT^A01" in exchange.body]
    number = visit.document["identifier"][0]["value"]
    assert f"|{number}" in message.body.decode()
    assert b"|MED^101^A" in message.body
    found = site.handle(Exchange("fhir", path="/Encounter", query=f"patient={visit.patient}&status=in-progress"))
    assert [id for _, id, *_ in found.result.entries] == [visit.id]


def test_a_feed_tells_of_each_event_once_and_of_nothing_that_is_quiet() -> None:
    site = hospital(rate="")
    site.pathways.start("lab-corrections")
    site.clock.advance(10 * DAY)
    kinds = Counter(
        exchange.interaction.name for exchange in site.links.links["engine"].ready if exchange.interaction
    )
    told = Counter(change.event for change in site.log.changes)
    assert kinds["ORU^R01"] == told["ORU^R01"] == 8
    assert kinds["ADT^A04"] == kinds["ADT^A03"] == 1
    assert "-" not in kinds


def test_a_hospital_goes_on_after_a_client_asked_and_another_clock_step() -> None:
    site = hospital()
    seen = []
    for _ in range(3):
        site.clock.advance(DAY / 6)
        seen.append(len(site.log.changes))
        answer = site.handle(Exchange("fhir", path="/DiagnosticReport", query="status=final&_count=5"))
        assert answer.reply is not None
        assert answer.reply.status in (200, 400)
    assert seen == sorted(set(seen))


def test_the_control_operations_start_watch_and_stop_runs() -> None:
    directory = Directory()
    site = directory.add(hospital(rate=""))
    control = Control(directory)
    assert len(control.call("pathway list")["pathways"]) == 20
    assert control.call("pathway show", name="sepsis")["persons"]["main"]["age"] == {"from": 55.0, "to": 93.0}
    told = {"main.family": "Quill", "main.of": "new"}
    number = control.call("pathway start", site="a", name="stroke", person=told)["run"]
    seen = control.call("pathway runs", site="a")
    assert [run["number"] for run in seen["running"]] == [number]
    assert seen["beds"]["ED"]["taken"] == 1
    patient = seen["running"][0]["patients"][0]
    record = site.store.read("Patient", patient)
    assert record is not None
    assert record.document["name"][0]["family"] == "Quill"
    control.call("pathway stop", site="a", number=number)
    assert control.call("pathway runs", site="a")["counts"] == {"stopped": 1}


def test_a_pathway_of_ones_own_is_added_and_drawn_at_a_rate() -> None:
    directory = Directory()
    site = directory.add(hospital(rate=""))
    control = Control(directory)
    own = {"name": "own", "title": "t", "steps": [{"add_person": {}}]}
    control.call("pathway add", site="a", pathway=own)
    assert control.call("pathway rate", site="a", rate="10/h", use="own") == {"rate": "10/h"}
    site.clock.advance(DAY)
    assert {change.event for change in site.log.changes} <= {"ADT^A28", "-"}
    assert control.call("pathway runs", site="a", limit=3)["arrived"] > 150
    with pytest.raises(ConfigError, match="nearest: admit"):
        control.call("pathway add", site="a", pathway={**own, "steps": [{"admitt": {}}]})
    with pytest.raises(ConfigError, match="200/h"):
        control.call("pathway rate", site="a", rate="often")
    with pytest.raises(UsageError, match="write main"):
        control.call("pathway start", site="a", name="own", person={"main": "Smith"})


def test_what_lasts_goes_on_with_new_patients(tmp_path: Path) -> None:
    numbers = []
    for _ in range(2):
        site = hospital(rate="", store=f"sqlite:{tmp_path}")
        site.pathways.start("merged-duplicates")
        patients = [record.document for record in site.store.overlay("Patient") if not record.deleted]
        numbers.append({one["identifier"][0]["value"] for one in patients})
        site.close()
    assert numbers[0] < numbers[1]
    assert len(numbers[1]) == 2 * len(numbers[0])


def test_a_reset_leaves_nothing_and_patients_come_anew() -> None:
    site = hospital()
    site.clock.advance(DAY)
    assert site.pathways.running
    site.reset()
    assert (site.pathways.report()["arrived"], len(site.log.changes), site.pathways.running) == (0, 0, {})
    site.clock.advance(DAY)
    assert site.pathways.report()["arrived"] > 50
