"""Curated records: named patients with one dirt each, for people to read (`corpora/curated/`)."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from mockehr.config.load import load_text
from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruptions


@dataclass(frozen=True, slots=True)
class Curated:
    """One patient: who, which corruption, and what its documentation says of it."""

    name: str
    who: str
    """Name and birth date of the patient, and whose records they look like."""
    corruption: str

    @property
    def documentation(self) -> str:
        """All that is known of the corruption."""
        return inspect.getdoc(corruptions().get(self.corruption)) or ""

    @property
    def what(self) -> str:
        """What is wrong, in a sentence."""
        return summary_of(self.corruption)

    @property
    def client(self) -> str:
        """What a client should do."""
        return coping_of(self.corruption)

    def records(self, which: str) -> list[JSON]:
        """The records concerned, `shown` or `true`; octets that are no UTF-8 are lone surrogates."""
        lines = (data_root("corpora") / "curated" / f"{self.name}.{which}.ndjson").read_bytes().splitlines()
        return [json.loads(line.decode("utf-8", "surrogateescape")) for line in lines]

    def as_json(self) -> JSON:
        """The whole of it, records included."""
        records = {which: self.records(which) for which in ("shown", "true")}
        return {**asdict(self), "what": self.what, "client": self.client, **records}


@cache
def curated() -> Mapping[str, Curated]:
    """All curated patients by name, in the order of their corruptions."""
    text = (data_root("corpora") / "curated" / "patients.yaml").read_text(encoding="utf-8")
    rows = [Curated(**row) for row in load_text(text, source="corpora/curated/patients.yaml").value["patients"]]
    return MappingProxyType({row.name: row for row in rows})


def curated_named(name: str) -> Curated:
    """One of them; raises UnknownName with the nearest."""
    found = curated().get(name)
    if found is None:
        raise UnknownName("curated patient", name, curated(), reference="mockehr corpus list")
    return found


def differences(one: Curated) -> Iterator[tuple[str, str, Any, Any]]:
    """`Type/id`, member, what is true and what is shown, for each top-level member that differs; None for absent.

    A record that is shown besides has the member `(record)`.
    """
    true = {_key(record): record for record in one.records("true")}
    for shown in one.records("shown"):
        key = _key(shown)
        if key not in true:
            yield key, "(record)", None, shown
            continue
        for member in dict.fromkeys((*true[key], *shown)):
            left, right = true[key].get(member), shown.get(member)
            if left != right:
                yield key, member, left, right


def summary_of(corruption: str) -> str:
    """The first sentence of what is said of a corruption."""
    told = inspect.getdoc(corruptions().get(corruption)) or ""
    return " ".join(told.partition("\n\n")[0].split())


def coping_of(corruption: str) -> str:
    """What a client should do, as the corruption's documentation says."""
    told = " ".join((inspect.getdoc(corruptions().get(corruption)) or "").split("\n"))
    found = re.search(r"Coping: (.*?\.)(?:\s|$)", told)
    return f"should {found[1]}" if found else "should keep the record."


def _key(record: JSON) -> str:
    return f"{record.get('resourceType')}/{record.get('id')}"
