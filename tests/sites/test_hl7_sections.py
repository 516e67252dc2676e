"""The HL7 sections of a site's file: all that they say is there, what cannot be is refused at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import ConfigError
from mockehr.sites.configured import build_configured
from mockehr.sites.feeds import Connection, Gathering, Policy, Tls
from mockehr.sites.listeners import Listener
from mockehr.sites.site import Site

FULL = """
hl7:
  listen:
    - {port: 2575}
    - {name: adt, port: 2576, messages: "ADT^*, SIU^*", versions: [2.5.1, "2.3"],
       processing_ids: P,
       duplicates: repeat-ack, park: true, sequence: true, release: 2, tls: test, max_connections: 3,
       messages_per_connection: 1, idle: 2m,
       settings: {dialect: oracle}, ack: {kind: plain}}
    - {name: reverse, dial: "[::1]:7000"}
  folders: {in: drop, out: out, answers: errors}
  settings: {sending_facility: NORTH}
  links:
    - {name: engine, host: 10.0.0.1, port: 1, messages: ADT^A0*, relay: true, release: 2, tls: test, timeout: 3s,
       window: 4, keep_open: false, await_application: true,
       ack_port: 0, retry_waits: [1s, 1m], attempts: 5, queue: 9,
       full: block, sequence: true, on: {AE: retry, lost: stop, exhausted: park},
       settings: {dialect: epic, version: "2.4"}}
    - {name: nightly, batch: {every: 12h, folder: lab, headers: false}}
    - {name: lis, role: wait, port: 0, settings: {engine: mirth, sending: {timeout: 4}}}
"""


def built(text: str, base: Path | None = None) -> Site:
    config = validate(SiteConfig, load_text(f"name: north\npatients: 0\n{text}", source="s.yaml"))
    return build_configured(config, seed=7, base=base)


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        built(text)
    return caught.value.problems


def test_listeners_are_as_the_file_says() -> None:
    site = built(FULL)
    plain, adt, reverse = site.listeners.wanted()
    assert plain == Listener(port=2575)
    assert site.options.hl7_listen == 2575
    assert adt.dialect is not None
    assert (adt.dialect.name, adt.dialect.ack.kind, adt.dialect.sending_application) == ("oracle", "plain", "HNAM")
    assert adt == Listener(
        name="adt", port=2576, messages=("ADT^*", "SIU^*"), versions=frozenset({"2.5.1", "2.3"}),
        processing_ids=frozenset({"P"}), duplicates="repeat-ack", park=True, sequence=True, release=2,
        tls=Tls(test=True), max_connections=3, messages_per_connection=1, idle=120.0, dialect=adt.dialect,
    )  # fmt: skip
    assert reverse == Listener(name="reverse", dial=("::1", 7000))


def test_links_are_as_the_file_says(tmp_path: Path) -> None:
    site = built(FULL, tmp_path)
    engine, nightly, lis = site.links.links.values()
    assert (engine.host, engine.messages, engine.relay, engine.sequence) == ("10.0.0.1", ("ADT^A0*",), True, True)
    assert engine.connection == Connection(
        release=2, tls=Tls(test=True), timeout=3.0, window=4, persistent=False, await_application=True, ack_port=0
    )
    assert engine.policy == Policy(
        deeds={"AE": "retry", "lost": "stop"},
        retry_waits=(1.0, 60.0),
        attempts=5,
        exhausted="park",
        queue=9,
        full="block",
    )
    assert engine.dialect is not None
    assert (engine.dialect.name, engine.dialect.version) == ("epic", "2.4")
    assert nightly.batch == Gathering(every=43200.0, folder="lab", headers=False)
    assert nightly.dialect is None
    assert lis.connection.role == "wait"
    assert lis.dialect is not None
    assert (lis.dialect.sending.timeout, lis.dialect.sending_facility) == (4.0, "NORTH")
    assert lis.dialect.ack != site.dialect.ack
    folders = site.listeners.folders
    assert (folders.into, folders.out, folders.answers) == (tmp_path / "drop", tmp_path / "out", "errors")


def test_files_for_tls_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    for name in ("a.pem", "a.key"):
        (tmp_path / name).touch()
    site = built("hl7: {listen: [{name: a, tls: {certificate: a.pem, key: a.key}}]}", tmp_path)
    assert site.listeners.named("a").tls == Tls(certificate=str(tmp_path / "a.pem"), key=str(tmp_path / "a.key"))


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("links: [{name: a}]", "hl7.links[0]", "port"),
        ("links: [{name: a, port: 1, on: {AE: rety}}]", "hl7.links[0].on.AE", "retry"),
        ("links: [{name: a, port: 1, batch: {folder: x}}]", "hl7.links[0].batch", "every, messages"),
        ("links: [{name: a, batch: {messages: 1, folder: x}}]", "hl7.links[0]", "hl7.folders.out"),
        ("folders: {out: o}, links: [{name: a, batch: {messages: 1, folder: ../x}}]", "hl7.links[0]", "below"),
        ("links: [{name: a, port: 1, settings: {ack: {knid: plain}}}]", "hl7.links[0]", "nearest: kind"),
        ("links: [{name: a, port: 1, settings: {engine: mirht}}]", "hl7.links[0]", "nearest: mirth"),
        ("links: [{name: a/b, port: 1}]", "hl7.links[0].name", ""),
        ("listen: [{port: 1}, {port: 2}]", "hl7.listen", "name of its own"),
        ("listen: [{dial: here}]", "hl7.listen[0].dial", ""),
        ("listen: [{dial: 'here:70000'}]", "hl7.listen[0]", "70000"),
        ("listen: [{tls: {certificate: a}}]", "hl7.listen[0].tls", "belong together"),
        ("listen: [{tls: {ca: nowhere.pem}}]", "hl7.listen[0]", "nowhere.pem"),
        ("listen: [{duplicates: repeat}]", "hl7.listen[0].duplicates", "repeat-ack"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(text: str, place: str, reason: str) -> None:
    problems: Any = refused(f"hl7: {{{text}}}")
    assert any(place in problem and reason in problem for problem in problems), problems


def test_strictness_and_keep_alive_are_told_by_the_file(tmp_path: Path) -> None:
    text = "hl7: {listen: [{name: a, strict: true, keep_alive: 2m}], links: [{name: b, port: 1, keep_alive: 30s}]}"
    site = built(text, tmp_path)
    listener, link = site.listeners.named("a"), site.links.get("b")
    assert (listener.strict, listener.keep_alive, link.connection.keep_alive) == (True, 120.0, 30.0)
