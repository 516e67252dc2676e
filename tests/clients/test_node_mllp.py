"""MLLP clients for node against the running simulator: Medplum's (@medplum/hl7) and node-hl7-client (npm).

Of the others there are, simple-hl7 keeps no connection and mllp-node wants node 8.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mockehr.testing.world import TestSite, World

PROGRAM = "node_mllp.mjs"
PACKAGES = ("@medplum/core@4.5.2", "@medplum/hl7@4.5.2", "node-hl7-client@3.2.0")
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "--legacy-peer-deps")
MANY = 10_000
SOME = 1_000


@pytest.fixture(scope="module")
def hl7_node(node: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The programs beside the clients that they drive; skips where `node` does."""
    folder = tmp_path_factory.mktemp("node-mllp")
    command = [*INSTALL, "--prefix", str(folder), *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("play.mjs", PROGRAM):
        shutil.copy(Path(__file__).parent / name, folder)
    return type(node)(folder)


def values(resource: dict[str, Any]) -> list[str]:
    return [identifier["value"] for identifier in resource["identifier"]]


def applied(site: TestSite) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each control id stands in the journal, each record number and each visit number in the store."""
    controls = Counter(str(entry.notes["control_id"]) for entry in site.journal(channel="mllp-in"))
    patients, visits = (
        Counter(value for record in site._call(site.site.store.overlay, kind) for value in values(record.document))
        for kind in ("Patient", "Encounter")
    )
    return controls, patients, visits


def once(prefix: str, count: int) -> dict[str, int]:
    return {f"{prefix}{number}": 1 for number in range(count)}


@pytest.mark.slow
@pytest.mark.parametrize(("chapter", "connections", "count"), [("medplum", 4, MANY), ("nodeHl7Client", 1, SOME)])
def test_all_of_many_messages_arrive_once_each(
    mockehr: World, mockehr_mllp: Any, hl7_node: Any, chapter: str, connections: int, count: int
) -> None:
    site = mockehr.site(open_access=True)
    host, port = mockehr_mllp(site)
    told = {"host": host, "port": port, "count": count, "connections": connections, "patience": 10_000}
    saw = hl7_node.play(PROGRAM, chapter, told)
    assert saw == {"acknowledged": count, "again": 0, "strange": []}
    assert applied(site) == (once("C", count), once("", count), once("V", count))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quirk", "settings", "every"), [("ack-late", {"delay": "500ms"}, 50), ("reset", {"at": "before"}, 50)]
)
def test_who_sends_again_after_trouble_loses_nobody_and_doubles_nobody(
    mockehr: World, mockehr_mllp: Any, hl7_node: Any, quirk: str, settings: dict[str, str], every: int
) -> None:
    site = mockehr.site(open_access=True)
    site.quirk(quirk, when={"every": every}, where={"channel": "mllp-in"}, **settings)
    host, port = mockehr_mllp(site)
    told = {"host": host, "port": port, "count": SOME, "connections": 4, "patience": 250}
    saw = hl7_node.play(PROGRAM, "medplum", told)
    controls, patients, visits = applied(site)
    assert (saw["acknowledged"], saw["strange"]) == (SOME, [])
    assert saw["again"] >= SOME // every
    assert set(controls) == set(once("C", SOME))
    assert controls.total() == SOME + saw["again"]
    assert patients == once("", SOME)
    assert visits == once("V", SOME)
