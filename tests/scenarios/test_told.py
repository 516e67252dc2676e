"""Scenarios about HL7 feeds: ports that the run chooses, pathways that begin with it, and the truth that was told."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from mockehr.cli.runs import run_trial
from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.core.errors import ConfigError, MockehrError
from mockehr.edge.own_ports import free_ports
from mockehr.hl7.witness import KINDS
from mockehr.scenarios.schema import Scenario, ToldSection
from mockehr.scenarios.trial import Trial
from mockehr.sites.configured import known_names
from mockehr.sites.told import witness_of
from mockehr.testing.world import World

HEAD = "title: a\nsites:\n"
SITE = "  - {{name: {name}, patients: 40, clock: stepped, hl7: {{links: [{links}]}}}}\n"
LAB = "{name: lab, port: 0, messages: ADT^*}"


def scenario(*sites: str, more: str = "") -> Scenario:
    text = HEAD + "".join(sites) + more
    return validate(Scenario, load_text(text, source="s.yaml"), known=known_names())


def site(name: str = "north", links: str = LAB) -> str:
    return SITE.format(name=name, links=links)


def told(trial: Trial) -> dict[str, str]:
    return {key: value for key, value in trial.environment("http://h", Path("o")).items() if "_FEED_" in key}


def test_a_feed_with_port_0_gets_a_free_one_and_the_client_is_told() -> None:
    trial = Trial(scenario(site(), site("south-wing", "{name: lab, port: 7}")))
    trial.assign_ports(lambda count: [4711, 4712][:count])
    assert told(trial) == {"MOCKEHR_NORTH_FEED_PORT": "4711", "MOCKEHR_SOUTH_WING_FEED_PORT": "7"}
    assert trial.feeds() == [("127.0.0.1", 4711), ("127.0.0.1", 7)]
    assert [one.links.get("lab").port for one in trial.sites] == [4711, 7]


def test_of_several_feeds_each_is_told_by_its_name() -> None:
    trial = Trial(scenario(site(links=f"{LAB}, {{name: old-ward, port: 0}}, {{name: pull, port: 0, role: wait}}")))
    trial.assign_ports(lambda count: list(range(1, count + 1)))
    assert told(trial) == {"MOCKEHR_NORTH_FEED_LAB_PORT": "1", "MOCKEHR_NORTH_FEED_OLD_WARD_PORT": "2"}


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(5))) == 5
    assert free_ports(0) == []


def test_pathways_begin_with_the_run_where_they_are_wanted() -> None:
    more = "begin: [{use: no-show-clinic, site: north, times: 2}, {use: chest-pain}]"
    trial = Trial(scenario(site(), site("south"), more=more))
    assert [one.pathways.report()["arrived"] for one in trial.sites] == [0, 0]
    trial.begin()
    assert [one.pathways.report()["arrived"] for one in trial.sites] == [3, 1]


PEER = """
import os, socket
with socket.create_server(("127.0.0.1", int(os.environ["MOCKEHR_NORTH_FEED_PORT"]))) as server:
    octets = b""
    while not octets:
        peer, _ = server.accept()
        octets = peer.recv(65536)
    peer.sendall(b"\\x0bMSH|^~\\\\&|A\\rMSA|AA|" + octets.split(b"|")[9] + b"\\x1c\\r")
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(65536):
        pass
"""


class Watched(Trial):
    """Looks whether the client listens when the pathways begin; the client has to start first, which takes longer."""

    def begin(self) -> None:
        for address in self.feeds():
            socket.create_connection(address, timeout=5).close()
        super().begin()


def test_nothing_begins_before_the_client_listens() -> None:
    trial = Watched(scenario(site(), more="begin: [{use: chest-pain}]"))
    _, status = run_trial(trial, [sys.executable, "-c", PEER], quiet=True, mute=True)
    assert status == 0
    first = next(one for one in trial.sites[0].journal if one.channel == "mllp-out")
    assert (first.notes["ack"], first.notes.get("attempt", 1)) == ("AA", 1)


def test_a_test_lets_them_begin_when_its_peer_is_there(mockehr: World, tmp_path: Path) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text(HEAD + site() + "begin: [{use: chest-pain}]")
    mockehr.stage(file)
    assert "MOCKEHR_NORTH_FEED_PORT" in mockehr.scenario.environment(tmp_path)
    assert mockehr["north"].site.pathways.report()["arrived"] == 0
    mockehr.scenario.begin()
    assert mockehr["north"].site.pathways.report()["arrived"] == 1


def given_back(trial: Trial, folder: Path, records: list[dict[str, Any]]) -> Any:
    (folder / "north.ndjson").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records))
    (card,) = [card for card in trial.judge(folder).cards if card.site == "north"]
    return card.find("truth")


def test_what_the_feed_told_is_compared_with_the_records_given_back(tmp_path: Path) -> None:
    more = "begin: [{use: no-show-clinic}, {use: chest-pain}]\ntruth: {told: {link: lab, records: [Person, Visit]}}"
    trial = Trial(scenario(site(), site("south", ""), more=more))
    trial.begin()
    north = trial.sites[0]
    north.clock.advance(3600)
    right = [dict(one) for one in witness_of(north, "lab").records(("Person", "Visit"))]
    assert len(right) >= 2
    assert given_back(trial, tmp_path, right).verdict == "pass"
    assert "1 lost" in given_back(trial, tmp_path, right[1:]).summary
    (south,) = [card for card in trial.judge(tmp_path).cards if card.site == "south"]
    assert south.find("truth").verdict == "not-applicable"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("truth: {told: {link: labb}}", "truth.told: there is no link 'labb'; nearest: lab"),
        ("truth: {told: {link: lab, records: [Persons]}}", "truth.told.records"),
        ("truth: {told: {records: [Person]}}", "truth.told.link"),
        ("begin: [{use: chest-pain, site: nrth}]", "begin: there is no site 'nrth'; nearest: north"),
        ("begin: chest-pain", "begin: is a list of pathways"),
        ("begin: [{use: chest-pan}]", "begin: there is no pathway 'chest-pan'; nearest: chest-pain"),
    ],
)
def test_what_is_not_there_is_refused(more: str, said: str) -> None:
    with pytest.raises((ConfigError, MockehrError)) as refused:
        Trial(scenario(site(), more=more))
    assert said in str(refused.value)


def test_every_kind_of_record_may_be_asked_for() -> None:
    assert get_args(get_args(ToldSection.model_fields["records"].annotation)[0]) == KINDS
