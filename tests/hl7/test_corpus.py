"""The corpus of messages: what its index says is true, and nothing is lost in `Message`."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message as Judged
from hl7apy.parser import get_message_info, parse_message, parse_segments
from hl7apy.validation import Validator

from mockehr.config.load import load_file
from mockehr.hl7.message import Message
from mockehr.hl7.structures import structure

CORPUS = Path(__file__).resolve().parents[2] / "corpora" / "hl7"
INDEX: dict[str, dict[str, Any]] = load_file(CORPUS / "messages" / "index.yaml").value
SINGLE = {name: entry for name, entry in INDEX.items() if entry["kind"] != "batch"}
BATCHES = sorted(set(INDEX) - set(SINGLE))
FAMILIES = (
    *(f"ADT^A{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 18, 24, 28, 31, 34, 37, 40)),
    *(f"SIU^S{number}" for number in (12, 13, 14, 15, 16, 17, 26)),
    *(f"MDM^T{number:02}" for number in range(1, 12)),
    *("ORM^O01", "OML^O21", "ORR^O02", "ORL^O22", "ORU^R01", "DFT^P03", "VXU^V04", "MFN^M02"),
    *("RDE^O11", "RDE^O01", "RAS^O17", "RAS^O01", "RDS^O13", "QBP^Q22", "RSP^K22", "QRY^A19", "ACK"),
)
CODES_OF_THE_AMA = re.compile(rb"\|\d{4}[0-9FTU]\^[^|]*\^(?:C4|CPT)")


def raw(name: str) -> bytes:
    return (CORPUS / "messages" / name).read_bytes()


def judge(octets: bytes) -> None:
    """Raises what hl7apy's strict level finds; the structure is given to it where MSH-9 does not name one."""
    message = Message(octets)
    text = octets.decode(message.charset.codec)
    if message.get("MSH-9.3"):
        parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, force_validation=True)
        return
    marks, _, version = get_message_info(text)
    name = structure(message.header.kind, version)
    judged = Judged(name=name, version=version, validation_level=VALIDATION_LEVEL.STRICT, encoding_chars=marks)
    judged.children = parse_segments(text, version, marks, VALIDATION_LEVEL.STRICT, judged.reference, True)
    Validator.validate(judged)


def test_there_are_enough_messages_of_every_family_and_version() -> None:
    kinds = {entry["kind"] for entry in SINGLE.values()}
    assert len(SINGLE) >= 150
    assert not set(FAMILIES) - kinds
    assert {"2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"} <= {
        entry["version"] for entry in SINGLE.values()
    }
    assert len([entry for entry in SINGLE.values() if entry["valid"]]) >= 150
    assert len({one for entry in INDEX.values() for one in entry["ids"]}) >= 100


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_a_message_comes_out_as_it_came_in(name: str) -> None:
    octets = raw(name)
    message = Message(octets)
    message.get("PID-5.1")
    message.get_all("OBX-5")
    for segment in message.segments:
        segment.repetitions(3)
    assert bytes(message) == octets


@pytest.mark.parametrize("name", sorted(name for name, entry in SINGLE.items() if entry["valid"]))
def test_a_valid_message_passes_the_strict_judge(name: str) -> None:
    judge(raw(name))


@pytest.mark.parametrize("name", sorted(name for name, entry in SINGLE.items() if not entry["valid"]))
def test_a_message_that_is_not_valid_says_why_and_does_not_pass(name: str) -> None:
    assert SINGLE[name]["why"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - hl7apy raises errors of a dozen unrelated kinds
        judge(raw(name))


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_the_index_says_what_a_message_is(name: str) -> None:
    header, entry = Message(raw(name)).header, SINGLE[name]
    odd = name.startswith(("H04", "H05", "H06"))
    assert header.kind == entry["kind"] or odd
    assert header.version.partition("^")[0] == entry["version"] or odd
    number = name.partition("-")[0]
    assert number in entry["ids"] or not re.fullmatch(r"[A-Z]\d\d", number)


def test_every_message_shows_something_else() -> None:
    seen: dict[bytes, str] = {}
    for name in SINGLE:
        assert raw(name) not in seen, (name, seen.get(raw(name)))
        seen[raw(name)] = name


@pytest.mark.parametrize(("package", "registry"), [("emit", "EMITTERS"), ("accept", "ACCEPTORS")])
def test_every_message_that_is_sent_or_taken_is_in_the_corpus(package: str, registry: str) -> None:
    """Add one to the corpus (`corpora/hl7/message_*.py`) for each that comes in."""
    known = getattr(import_module(f"mockehr.hl7.{package}"), registry)
    there = {entry["kind"] for entry in SINGLE.values()}
    missing = sorted(kind for kind in known if kind not in there and kind.partition("^")[0] != "ACK")
    assert not missing, f"in {registry} and not in the corpus: {', '.join(missing)}"


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_listed_and_holds_what_its_name_says(name: str) -> None:
    octets = raw(name)
    assert octets[:3] in (b"FHS", b"BHS", b"MSH")
    assert INDEX[name]["shows"]
    assert len(BATCHES) >= 10


def test_the_files_are_what_their_program_writes() -> None:
    run = subprocess.run(
        [sys.executable, str(CORPUS / "write_messages.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_nothing_in_the_corpus_is_real() -> None:
    for name in INDEX:
        octets = raw(name)
        for phone in re.findall(rb"\d{3}[).-]+(\d{3})[.-](\d{4})", octets):
            assert phone[0] == b"555", (name, phone)
            assert phone[1].startswith(b"01"), (name, phone)
        for number in re.findall(rb"\b(\d{3})-\d{2}-\d{4}\b", octets):
            assert number == b"000" or number[:1] == b"9", (name, number)
        assert not CODES_OF_THE_AMA.search(octets), name
        for place in re.findall(rb"[\w.]+@([\w.]+)|https?://([\w.]+)", octets):
            host = place[0] or place[1]
            assert host.endswith((b"example.org", b"example.com")), (name, host)


def test_no_clinician_has_a_number_that_could_be_real() -> None:
    numbers = {found for name in INDEX for found in re.findall(rb"\b1\d{9}\b(?=\^[A-Z][a-z]+\^)", raw(name))}
    assert len(numbers) >= 4
    for number in numbers:
        digits = [int(character) for character in (b"80840" + number).decode()]
        doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
        assert (sum(digits[-1::-2]) + sum(doubled)) % 10, number
