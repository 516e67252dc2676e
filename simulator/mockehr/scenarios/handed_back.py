"""What a client handed back of one site: its records, what it parked, and which exceptions it counted.

Of a site `north` it writes `north.ndjson`, `north.json` (a Bundle or a list) or `north.csv` with
`north.mapping.yaml`; or the scenario says where (`truth: {from: …}`). What it set aside stands in
`north.parked.ndjson`, what it counted in `north.exceptions.json`. No file stops a run: what
cannot be read is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from mockehr.core.errors import EnvironmentProblem, MockehrError
from mockehr.sites.exceptions import Parked, parked_from
from mockehr.sites.holdings import Holding, Records, Unreadable, records_from
from mockehr.sites.holdings.mapping import load_mapping
from mockehr.sites.holdings.ndjson import json_lines

if TYPE_CHECKING:
    from mockehr.scenarios.schema import FromSection

ENDS: Final = (".ndjson", ".ndjson.gz", ".json", ".json.gz", ".csv")
"""Of the file with the records, in the order in which they are looked for."""
MAPPING: Final = ".mapping.yaml"
PARKED: Final = ".parked.ndjson"
COUNTS: Final = ".exceptions.json"


@dataclass(frozen=True, slots=True)
class HandedBack:
    """What a client handed back. `records` can be gone through once; `there` says whether it wrote any."""

    records: Iterable[Holding]
    there: bool = True
    parked: tuple[Parked, ...] = ()
    counted: Mapping[str, int] | None = None
    """By the client's own kinds of exceptions, how many it met; None if it told of none."""
    wrong: tuple[Unreadable, ...] = field(default=())
    """What is wrong with its files besides; among the records too."""


def names_of(site: str) -> list[str]:
    """The names of all files of a site that are read, in the order in which they are looked for."""
    return [f"{site}{end}" for end in (*ENDS, MAPPING, PARKED, COUNTS)]


def place_of(output: Path, site: str) -> Path | None:
    """The file with the records of a site; None if there is none."""
    return next((file for end in ENDS if (file := output / f"{site}{end}").is_file()), None)


def refuse_mapping(told: FromSection | None, base: Path | None) -> None:
    """Raise ConfigError or EnvironmentProblem for a scenario's mapping file that does not hold."""
    if told is not None and told.mapping:
        load_mapping((base or Path()) / told.mapping)


def handed_back(output: Path, site: str, told: FromSection | None = None, base: Path | None = None) -> HandedBack:
    """What the client handed back of a site, in the folder `output` or where the scenario says (`told`)."""
    parked, wrong = read_parked(output / f"{site}{PARKED}")
    counted, faults = _counted(output / f"{site}{COUNTS}")
    wrong += faults
    try:
        records = _records(output, site, told, base)
    except MockehrError as error:  # the client's file is not what it should be: that is a finding, and no end
        wrong, records = [*wrong, _told_of(error)], iter(())
    there = records is not None
    return HandedBack(chain(_safely(records or ()), wrong), there, tuple(parked), counted, tuple(wrong))


def read_parked(path: Path) -> tuple[list[Parked], list[Unreadable]]:
    """What a file of NDJSON says was parked, and which of its lines say nothing; a missing file is empty.

    Raises EnvironmentProblem for a file that is there and cannot be read.
    """
    parked: list[Parked] = []
    wrong: list[Unreadable] = []
    if path.is_file():
        lines = []
        for place, value in json_lines(path):
            if isinstance(value, Unreadable):
                wrong.append(value)
            else:
                lines.append((place, value))
        for one in parked_from(lines):
            if isinstance(one, Parked):
                parked.append(one)
            else:
                wrong.append(Unreadable("", one))
    return parked, wrong


def _records(output: Path, site: str, told: FromSection | None, base: Path | None) -> Records | None:
    if told is not None:
        mapping = (base or Path()) / told.mapping if told.mapping else None
        if told.url:
            return records_from(told.url.replace("{site}", site), mapping)
        path = output / told.file.replace("{site}", site)
        return records_from(path, mapping) if path.exists() else None
    found = place_of(output, site)
    if found is None:
        return None
    mapping = output / f"{site}{MAPPING}"
    if found.suffix == ".csv" and not mapping.is_file():
        raise EnvironmentProblem(f"There is no {mapping.name} that says what the columns of {found.name} mean.")
    return records_from(found, mapping if found.suffix == ".csv" else None)


def _safely(records: Iterable[Holding]) -> Iterator[Holding]:
    try:
        yield from records
    except MockehrError as error:
        yield _told_of(error)


def _told_of(error: MockehrError) -> Unreadable:
    return Unreadable("", " ".join(f"{error}".split()))


def _counted(path: Path) -> tuple[Mapping[str, int] | None, list[Unreadable]]:
    if not path.is_file():
        return None, []
    try:
        counts: Any = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        return None, [Unreadable(path.name, f"no JSON: {error}")]
    if isinstance(counts, dict) and all(
        isinstance(one, int) and not isinstance(one, bool) for one in counts.values()
    ):
        return counts, []
    return None, [Unreadable(path.name, 'no counts by kind, as in {"unknown-code": 3}')]
