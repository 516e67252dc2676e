"""Records in NDJSON: one resource a line, plain or as .gz, UTF-8 as RFC 8259 (section 8.1) wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from mockehr.fhir.intake import ResourceFile
from mockehr.sites.holdings.model import Holding, Unreadable


class NdjsonRecords:
    """The resources in a file, line by line; raises EnvironmentProblem if it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Holding]:
        for place, document in json_lines(self._path):
            known = isinstance(document, dict | Unreadable)
            yield document if known else Unreadable(place, "no JSON object")


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, value) of each line that is not empty; the value is an Unreadable where the line is no JSON."""
    with ResourceFile(path) as opened:
        for number, line in opened:
            if line.strip():
                place = f"{path.name}:{number}"
                yield place, parsed(line, place)


def parsed(octets: bytes, place: str) -> Any:
    """The JSON value, or an Unreadable that says why there is none."""
    try:
        octets = octets.removeprefix(b"\xef\xbb\xbf")
        octets.decode()
        return orjson.loads(octets)
    except UnicodeDecodeError as error:
        shown = f"octet 0x{error.object[error.start]:02x} at {error.start}"
        return Unreadable(place, f"no UTF-8 ({shown}); JSON is to be written in UTF-8")
    except orjson.JSONDecodeError as error:
        return Unreadable(place, f"no JSON: {error}")
