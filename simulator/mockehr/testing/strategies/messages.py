"""Valid HL7 v2 messages of many families, versions and dialects, with drawn persons, numbers and days.

@given(hl7_messages("ADT", version="2.5.1"))
def test_my_interface_takes_any_admission(octets): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.config.load import load_file
from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName, UsageError
from mockehr.hl7.message import Message

_NAMES = st.from_regex(r"[A-Z][a-z]{1,9}", fullmatch=True)
_ACCENTED = st.sampled_from(("Núñez", "Müller", "Søndergård", "Lefèvre", "O'Brien", "Smith|Jones", "A&B", "d^Arc"))
_NUMBERS = st.from_regex(r"[1-9][0-9]{2,8}", fullmatch=True)
_DAYS = st.builds("{:04}{:02}{:02}".format, st.integers(1920, 2025), st.integers(1, 12), st.integers(1, 28))
DRAWN: Final[Mapping[str, SearchStrategy[str]]] = MappingProxyType(
    {
        "MSH-10": st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True),
        "PID-3.1": _NUMBERS,
        "PID-5.1": st.one_of(_NAMES, _ACCENTED),
        "PID-5.2": _NAMES,
        "PID-7": _DAYS,
        "PID-8": st.sampled_from(("F", "M", "O", "U")),
        "PV1-19.1": _NUMBERS,
    }
)
"""What is drawn anew, where a message has it."""


def hl7_messages(kind: str = "", *, version: str = "", dialect: str = "") -> SearchStrategy[bytes]:
    """Unframed messages: of a family (`ADT`) or a type and trigger (`ADT^A01`), of a version, of a vendor's dialect.

    Each is one of the shipped corpus that passes strict validation, with DRAWN values in their places; names that its
    charset cannot write stay plain. Shrinks to the simplest of the corpus's order.
    Raises UnknownName for a kind, version or dialect that the corpus lacks, UsageError for such a combination.
    """
    every = _valid()
    for what, asked, known in (
        ("kind of message", kind, {one["kind"] for one in every.values()} | {_family(one) for one in every.values()}),
        ("version", version, {one["version"] for one in every.values()}),
        ("dialect", dialect, {_dialect(name) for name in every} - {""}),
    ):
        if asked and asked not in known:
            raise UnknownName(what, asked, known)
    fitting = [
        name
        for name, one in every.items()
        if kind in ("", one["kind"], _family(one))
        and version in ("", one["version"])
        and dialect in ("", _dialect(name))
    ]
    if not fitting:
        raise UsageError(f"The corpus has no {kind or 'message'} of all that.", remedy="Ask for less at once.")
    return st.sampled_from(fitting).flatmap(_varied)


@cache
def _valid() -> Mapping[str, Mapping[str, Any]]:
    index = load_file(Path(str(data_root("corpora"))) / "hl7" / "messages" / "index.yaml").value
    found = {name: one for name, one in sorted(index.items()) if one["kind"] != "batch" and one["valid"]}
    return MappingProxyType(found)


@cache
def _octets(name: str) -> bytes:
    return (data_root("corpora") / "hl7" / "messages" / name).read_bytes()


def _family(one: Mapping[str, Any]) -> str:
    return str(one["kind"]).partition("^")[0]


def _dialect(name: str) -> str:
    """The vendor in whose dialect a message of the corpus is written, by its file; empty if in none."""
    last = name.removesuffix(".hl7").rpartition("-")[2]
    return last if last in ("cerner", "epic", "generic", "meditech") else ""


@cache
def _varied(name: str) -> SearchStrategy[bytes]:
    message = Message(_octets(name))
    there = {path: values for path, values in DRAWN.items() if message.get(path)}
    return st.fixed_dictionaries(there).map(lambda drawn: _written(name, drawn))


def _written(name: str, drawn: Mapping[str, str]) -> bytes:
    message = Message(_octets(name))
    for path, value in drawn.items():
        try:
            value.encode(message.charset.codec)
        except UnicodeEncodeError:
            continue
        message.set(path, value)
    return bytes(message)
