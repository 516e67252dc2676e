"""One call of the proprietary API: its parameters, its answers, and its ways to refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.athena.ids import AthenaIds, bare
from mockehr.personalities.athena.moments import local
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.proprietary import Records

JSON_TYPE: Final = "application/json; charset=utf-8"
MISSING: Final = "Additional fields are required."
_MOST: Final = 10_000_000
_YEARS: Final = range(1, 9000)
"""Years of dates that can be calculated with."""


class Refused(Exception):
    """The API's own refusal: a status, and what it says."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        self.status = status
        self.document: JSON = {**more, "error": error}
        super().__init__(error)


def missing(*names: str) -> Refused:
    """Parameters that are required."""
    return Refused(400, MISSING, missingfields=list(names))


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read. `parameters` are those of query and form together, `holes` what its path names."""

    exchange: Exchange
    records: Records
    ids: AthenaIds
    settings: Mapping[str, Any]
    parameters: Mapping[str, str]
    holes: Mapping[str, str]

    # parameters

    def get(self, name: str) -> str:
        """A parameter; empty if it is not there."""
        return self.parameters.get(name, "").strip()

    def wants(self, *names: str) -> list[str]:
        """Parameters that have to be there, in that order; raises Refused, naming all that are not."""
        gone = [name for name in names if not self.get(name)]
        if gone:
            raise missing(*gone)
        return [self.get(name) for name in names]

    def flag(self, name: str, usual: bool = False) -> bool:
        """A truth value: `true`, `1` or `Y`."""
        text = self.get(name).lower()
        return text in ("true", "1", "y", "yes") if text else usual

    def day(self, name: str) -> date | None:
        """A day as MM/DD/YYYY; None if it is not there."""
        text = self.get(name)
        if not text:
            return None
        found: date | None
        try:
            found = datetime.strptime(text, "%m/%d/%Y").date()
        except ValueError:
            found = None
        if found is None or found.year not in _YEARS:
            raise Refused(400, f"Improper {name}: dates must be of the form MM/DD/YYYY.")
        return found

    def count(self, name: str, usual: int) -> int:
        """A whole number of at least 0."""
        text = self.get(name) or str(usual)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Refused(400, f"Improper {name}: it must be a whole number.")
        return int(text)

    def objects(self, name: str) -> list[JSON]:
        """A list of objects, written as JSON into one parameter, also where it is a list of lists."""
        try:
            told = orjson.loads(self.get(name) or "[]")
        except orjson.JSONDecodeError:
            raise Refused(400, f"Improper {name}: it must be JSON.") from None
        flat = (
            [inner for one in told for inner in (one if isinstance(one, list) else [one])]
            if isinstance(told, list)
            else [told]
        )
        if not all(isinstance(one, dict) for one in flat):
            raise Refused(400, f"Improper {name}: it must be a list of objects.")
        return flat

    # records

    @property
    def now(self) -> datetime:
        """The practice's clock."""
        return local(self.records.now())

    def found(self, kind: str, query: Mapping[str, str] | None = None) -> list[JSON]:
        """All records of a type that match, as FHIR shows them; raises Refused where that is too dear."""
        found = self.records.search(kind, urlencode(query or {}), limit=_MOST)
        if isinstance(found, Problem):
            raise Refused(400, "The given search parameters are too broad.  Please refine your search and try again.")
        return found[1]

    def patient(self, number: str = "") -> JSON:
        """The Patient of a number (that of the path unless told); raises Refused."""
        number = number or self.holes.get("patientid", "")
        found = self.records.read("Patient", self.ids.of_number("Patient", number)) if _digits(number) else None
        if found is None:
            raise Refused(404, "The requested patient does not exist.")
        self.exchange.patient = str(found["id"])
        return found

    def department(self, number: str) -> JSON | None:
        """The Location of a department's number."""
        return self.records.read("Location", self.ids.of_number("Location", number)) if _digits(number) else None

    def provider(self, number: str) -> JSON | None:
        """The Practitioner of a provider's number."""
        return (
            self.records.read("Practitioner", self.ids.of_number("Practitioner", number)) if _digits(number) else None
        )

    def chart_department(self) -> str:
        """The department that a call about a chart has to name; raises Refused."""
        number = self.get("departmentid")
        if not number or self.department(number) is None:
            raise Refused(400, "Invalid departmentid or departmentid / patientid combination.")
        return number

    def create(self, resource: JSON, flavour: str = "") -> JSON:
        """Store a new resource under the next number of its kind, which its identifiers may name as `{id}`."""
        kind = str(resource["resourceType"])
        id = self.ids.own(kind, self.records.number(f"athena {kind} {flavour}"), flavour)
        for one in resource.get("identifier", ()):
            one["value"] = str(one["value"]).replace("{id}", id)
        return self.stored(self.records.create(self.exchange, resource, id))

    def stored(self, done: JSON | Problem) -> JSON:
        """What was stored; raises Refused if it was not."""
        if isinstance(done, Problem):
            raise Refused(400, "The data provided is invalid.", detailedmessage=done.text)
        self.tell([done])
        return done

    def tell(self, resources: Iterable[JSON]) -> None:
        """Note which records are sent back, for the journal."""
        told = (f"{one['resourceType']}/{one['id']}" for one in resources)
        self.exchange.returned = (*self.exchange.returned, *told)

    # answers

    def page(self, key: str, rows: Sequence[JSON], *, usual: int = 0, largest: int = 0, **more: Any) -> Reply:
        """A list with the number of all, and the ways to the pages before and after."""
        largest = largest or int(self.settings["largest"])
        limit = min(self.count("limit", usual or int(self.settings["page"])) or 1, largest)
        offset = self.count("offset", 0)
        body: JSON = {**more, key: list(rows[offset : offset + limit]), "totalcount": len(rows)}
        if offset + limit < len(rows):
            body["next"] = self._link(limit, offset + limit)
        if offset:
            body["previous"] = self._link(limit, max(0, offset - limit))
        return answered(body)

    def _link(self, limit: int, offset: int) -> str:
        pairs = [(name, value) for name, value in parse_qsl(self.exchange.query) if name not in ("limit", "offset")]
        return f"{self.exchange.path}?{urlencode([*pairs, ('limit', limit), ('offset', offset)])}"


def answered(body: Any, status: int = 200) -> Reply:
    """JSON of any kind: an object, a list, a bare number or text."""
    return Reply(status, [], to_bytes(body), None, JSON_TYPE)


def failed(text: str) -> Reply:
    """A failure of the hospital's rules, which HTTP knows nothing of."""
    return answered({"success": False, "errormessage": text})


def number_of(reference: object) -> str:
    """The number behind a reference such as `Practitioner/a-195900.Provider-42`."""
    return bare(str(reference or "").rpartition("/")[2])


def as_number(text: str) -> int | str:
    """A number where it is one."""
    return int(text) if _digits(text) else text


def day_text(text: object) -> str | None:
    """A FHIR date or dateTime as MM/DD/YYYY; None for less than a day."""
    try:
        return date.fromisoformat(str(text)[:10]).strftime("%m/%d/%Y")
    except ValueError:
        return None


def stamp_text(text: object) -> str | None:
    """A FHIR dateTime as MM/DD/YYYY HH:MM:SS, by the clock that it was written by."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%m/%d/%Y %H:%M:%S")
    except ValueError:
        return None


def told(row: JSON) -> JSON:
    """A row without what is not known."""
    return {name: value for name, value in row.items() if value is not None}


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 19
