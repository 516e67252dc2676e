"""Message structures by version, held against hl7apy's grammars."""

from __future__ import annotations

from importlib import import_module

import pytest

from mockehr.hl7.structures import kinds, structure
from mockehr.hl7.versions import VERSIONS


def grammars(version: str) -> set[str]:
    return set(import_module("hl7apy.v" + version.replace(".", "_")).MESSAGES)


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("ADT^A01", "2.5.1", "ADT_A01"),
        ("ADT^A04", "2.5.1", "ADT_A01"),
        ("ADT^A04", "2.3", "ADT_A01"),
        ("ADT^A04", "2.2", "ADT_A04"),
        ("ADT^A07", "2.4", "ADT_A06"),
        ("ADT^A11", "2.3.1", "ADT_A09"),
        ("ADT^A12", "2.3.1", "ADT_A12"),
        ("ADT^A12", "2.4", "ADT_A09"),
        ("ADT^A12", "2.5.1", "ADT_A12"),
        ("ADT^A28", "2.3", "ADT_A01"),
        ("ADT^A31", "2.4", "ADT_A05"),
        ("ADT^A34", "2.3", "ADT_A30"),
        ("ADT^A37", "2.3", "ADT_A24"),
        ("ADT^A37", "2.5", "ADT_A37"),
        ("ADT^A40", "2.8.2", "ADT_A39"),
        ("SIU^S26", "2.5.1", "SIU_S12"),
        ("MDM^T09", "2.6", "MDM_T01"),
        ("MDM^T10", "2.6", "MDM_T02"),
        ("ORU^R32", "2.5.1", "ORU_R30"),
        ("QBP^Q22", "2.5", "QBP_Q21"),
        ("RSP^K22", "2.4", "RSP_K22"),
        ("RSP^K22", "2.5.1", "RSP_K21"),
        ("RSP^K22", "2.8", "RSP_K22"),
        ("MFK^M02", "2.2", "MFK_M02"),
        ("MFK^M02", "2.5.1", "MFK_M01"),
    ],
)
def test_a_trigger_has_the_structure_of_its_version(kind: str, version: str, expected: str) -> None:
    assert structure(kind, version) == expected
    assert expected in grammars(version)


def test_an_acknowledgement_is_an_ack_whatever_its_trigger() -> None:
    assert [structure(kind, "2.5.1") for kind in ("ACK", "ACK^A01", "ACK^R01^ACK")] == ["ACK"] * 3


@pytest.mark.parametrize("kind", ["", "^", "ADT", "ADT^", "ADT^Z99", "ZZZ^Z01", "^A01"])
def test_what_nobody_knows_has_no_structure(kind: str) -> None:
    assert structure(kind, "2.5.1") == ""


def test_the_third_component_and_odd_versions_do_not_disturb() -> None:
    assert structure("ADT^A08^ADT_A08", "2.5.1^USA^") == "ADT_A01"
    assert structure("ADT^A31", "2.9") == structure("ADT^A31", "") == "ADT_A05"


def test_a_trigger_sent_before_its_time_has_the_structure_it_came_with() -> None:
    assert structure("ADT^A40", "2.2") == "ADT_A39"
    assert structure("QBP^Q22", "2.3") == "QBP_Q21"


def test_every_structure_is_a_grammar_of_some_version() -> None:
    every = set().union(*map(grammars, VERSIONS))
    for kind in kinds():
        unknown = {structure(kind, version) for version in VERSIONS} - every
        assert not unknown - {"ORU_W01", "ORU_R40"}, kind


def test_a_structure_that_has_no_grammar_is_too_early_or_withdrawn() -> None:
    """Between the first and the last version that has a trigger's grammar, there is no hole."""
    for kind in kinds():
        present = [structure(kind, version) in grammars(version) for version in VERSIONS]
        known = [place for place, there in enumerate(present) if there]
        for place in range(known[0], known[-1]) if known else ():
            missing = (kind, VERSIONS[place])
            assert present[place] or missing in HOLES, missing


HOLES = {
    ("MFN^M03", "2.3.1"),
    ("MFN^M05", "2.3.1"),
    ("MFN^M06", "2.3.1"),
    ("MFN^M07", "2.3.1"),
    ("MFK^M03", "2.3"),
    ("MFQ^M01", "2.3"),
    ("MFQ^M02", "2.3"),
    ("MFQ^M03", "2.3"),
    ("MFR^M01", "2.3"),
    ("MFR^M02", "2.3"),
    ("MFR^M03", "2.3"),
    ("ADR^A19", "2.3"),
    ("ORU^R03", "2.2"),
}
"""Where hl7apy's tables leave a grammar out that the versions before and after have."""
