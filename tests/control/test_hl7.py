"""Steering the HL7 side of a site by control operations, and checking batch files from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from mockehr.cli.hl7 import hl7
from mockehr.control.facade import Control
from mockehr.core.errors import ConfigError, UnknownName, UsageError
from mockehr.hl7.batch import write_batch
from mockehr.hl7.dialect import GENERIC
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.listeners import Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Muster", "given": ["Erika"]}]}
MESSAGE = (
    "MSH|^~\\&|A|B|C|D|20260105||ADT^A28|M{n}|P|2.5.1\nEVN|A28|20260105\nPID|1||9000{n}^^^WARD^MR||Muster^Zo\u00eb\n"
)


def made() -> tuple[Control, Site]:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("a", stepped=True, open_access=True)))
    return Control(directory), site


def call(control: Control, operation: str, /, **arguments: Any) -> Any:
    answer = control.call(operation, site="a", **arguments)
    assert orjson.dumps(answer)
    return answer


def test_a_link_is_added_looked_at_stopped_resumed_and_taken_away() -> None:
    control, site = made()
    more = {"messages": "ADT^A28", "on": {"AE": "stop"}, "settings": {"dialect": "epic"}, "window": 2}
    call(control, "hl7 add-link", name="lab", port=1, more=more)
    link = site.links.get("lab")
    assert (link.connection.window, link.policy.deeds, link.dialect and link.dialect.name) == (
        2,
        {"AE": "stop"},
        "epic",
    )
    site.store.commit(PATIENT, kind="create", source="control")
    (told,) = call(control, "hl7 links")["links"]
    assert (told["link"], told["waiting"], told["number"], told["stopped"]) == ("lab", 1, 1, "")
    assert call(control, "hl7 stop", name="lab")["stopped"]
    assert site.links.take(link) == ()
    assert call(control, "hl7 resume", name="lab")["stopped"] == ""
    assert call(control, "hl7 flush", name="lab", discard=True) == {"flushed": 1}
    call(control, "hl7 remove-link", name="lab")
    with pytest.raises(UnknownName):
        call(control, "hl7 stop", name="lab")


@pytest.mark.parametrize(
    "more",
    [
        {"tls": {"ca": "/etc/hosts"}},
        {"messages": "ZZZ^Z99"},
        {"widow": 2},
        {"batch": {"messages": 1, "folder": ".."}},
    ],
)
def test_a_link_that_cannot_be_is_refused(more: Any) -> None:
    control, site = made()
    with pytest.raises((ConfigError, UsageError)):
        call(control, "hl7 add-link", name="lab", port=1, more=more)
    assert not site.links.links


def test_a_message_is_received_as_if_over_the_wire() -> None:
    control, site = made()
    answer = call(control, "hl7 receive", message=MESSAGE.format(n=1))
    assert (answer["accepted"], "MSA|AA|M1" in answer["acks"][0]) == (True, True)
    assert site.log.changes[0].document["name"][0]["given"] == ["Zo\u00eb"]
    with pytest.raises(UnknownName):
        call(control, "hl7 receive", message=MESSAGE, listener="adt")


def test_a_raw_message_goes_out_and_is_listed_with_its_fate() -> None:
    control, site = made()
    call(control, "hl7 add-link", name="lab", port=1, more={"on": {"AR": "park"}})
    sent = [call(control, "hl7 send", name="lab", message=MESSAGE.format(n=n), encoding="latin-1") for n in (1, 2, 3)]
    link = site.links.get("lab")
    for code in ("AA", "AR"):
        (one,) = site.links.take(link)
        assert b"Zo\xeb\r" in one.body
        site.links.settle(link, one, code=code, matched=True, ack=b"", error="")
    told = call(control, "hl7 messages", name="lab")
    assert [(one["entry"], one["control_id"], one["state"]) for one in told["messages"]] == [
        (sent[0]["entry"], "M1", "taken"), (sent[1]["entry"], "M2", "park"), (sent[2]["entry"], "M3", "waiting"),
    ]  # fmt: skip
    (parked,) = call(control, "hl7 parked")["parked"]
    assert (parked["way"], parked["place"], parked["control_id"]) == ("out", "lab", "M2")
    call(control, "hl7 retry", number=parked["number"])
    assert [one["control_id"] for one in call(control, "hl7 messages", name="lab")["messages"]] == [
        "M1",
        "M2",
        "M3",
        "M2",
    ]


def test_what_a_link_is_stuck_at_can_be_skipped() -> None:
    control, site = made()
    call(control, "hl7 add-link", name="lab", port=1)
    call(control, "hl7 send", name="lab", message=MESSAGE.format(n=1))
    link = site.links.get("lab")
    site.links.settle(link, site.links.take(link)[0], code="", matched=False, ack=b"", error="no answer")
    assert len(call(control, "hl7 skip", name="lab")["parked"]) == 1
    assert (link.waiting, link.failed) == (0, 1)


def test_a_parked_message_is_shown_tried_again_after_mending_and_dropped() -> None:
    control, site = made()
    site.listeners.declare(Listener(name="adt", messages=("SIU^*",), park=True))
    for number in (1, 2):
        call(control, "hl7 receive", message=MESSAGE.format(n=number), listener="adt")
    first, second = call(control, "hl7 parked")["parked"]
    assert "Muster" in call(control, "hl7 parked", number=first["number"])["body"]
    assert call(control, "hl7 retry", number=first["number"])["accepted"] is False
    assert call(control, "hl7 parked")["parked"][0]["attempts"] == 2
    site.listeners.declare(Listener(name="adt", park=True))
    assert call(control, "hl7 retry", number=first["number"])["accepted"] is True
    assert len(site.log.changes) == 1
    call(control, "hl7 drop", number=second["number"])
    assert call(control, "hl7 parked")["parked"] == []
    with pytest.raises(UsageError):
        call(control, "hl7 drop", number=second["number"])


def test_listeners_are_told_and_connections_dropped() -> None:
    control, site = made()
    site.listeners.declare(Listener(name="adt", port=2575))
    hung_up: list[str] = []
    site.links.hang_up = lambda link: hung_up.append(link.name)
    call(control, "hl7 add-link", name="lab", port=1)
    assert call(control, "hl7 listeners")["listeners"][0]["listener"] == "adt"
    assert call(control, "hl7 drop-connections") == {"dropped": 0, "links": 1}
    assert call(control, "hl7 drop-connections", listener="adt") == {"dropped": 0, "links": 0}
    assert hung_up == ["lab"]


def test_an_entry_is_shown_octet_by_octet() -> None:
    control, _ = made()
    entry = call(control, "hl7 receive", message=MESSAGE.format(n=1))["entry"]
    frames = call(control, "journal bytes", number=entry)["frames"]
    assert frames[0]["lines"][3]["octets"] == "PID|1||90001^^^WARD^MR||Muster^Zo<C3><AB><CR>"
    assert [frame["what"] for frame in frames] == ["message", "acknowledgement"]


def test_batch_files_are_checked_from_the_command_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.hl7", tmp_path / "bad.hl7"
    messages = [MESSAGE.format(n=n).replace("\n", "\r").encode() for n in (1, 2)]
    good.write_bytes(write_batch(messages, GENERIC, at=0.0, control_id="F1"))
    bad.write_bytes(write_batch(messages, GENERIC, at=0.0, control_id="F1", batch_count=96))
    runner = CliRunner()
    fine = runner.invoke(hl7, ["batch", "check", str(good)])
    assert (fine.exit_code, fine.output) == (0, "2 messages, 1 batches\n")
    wrong = runner.invoke(hl7, ["batch", "check", "--json", str(bad)])
    assert wrong.exit_code == 1
    assert [one["finding"] for one in orjson.loads(wrong.output)["findings"]] == ["batch-count"]
