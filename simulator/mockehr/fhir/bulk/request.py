"""The parameters of a kick-off (Bulk Data Access 2.0, "Query Parameters"), read and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk.job import Query
from mockehr.fhir.bulk.selection import compile_filter
from mockehr.fhir.bulk.settings import BulkSettings
from mockehr.fhir.elements import is_resource_type, resource_types
from mockehr.fhir.operations.base import Input
from mockehr.fhir.search.date import SECOND, interval
from mockehr.fhir.search.neighbours import RECORDED_TYPES
from mockehr.fhir.search.parse import RESULT_PARAMETERS, split_escaped, unescape

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

FORMATS: Final = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
ASSOCIATED: Final = {"LatestProvenanceResources": "latest", "RelevantProvenanceResources": "relevant"}
MOST_PATIENTS: Final = 20_000
# names of preferences are the same in large and small letters (RFC 7240 section 2)
_LENIENT: Final = re.compile(r"\bhandling\s*=\s*\"?lenient\b", re.IGNORECASE)
_ASYNC: Final = re.compile(r"(?<![\w-])respond-async(?![\w-])", re.IGNORECASE)
_TYPED: Final = re.compile(r"[A-Za-z]+\?")
_ALSO: Final = frozenset({"_format", "_pretty"})


@dataclass(slots=True)
class Asked:
    """What a client asked for. `types` None: all that it may have."""

    types: tuple[str, ...] | None = None
    since: float | None = None
    filters: list[tuple[str, Query]] = field(default_factory=list)
    elements: tuple[str, ...] = ()
    associated: str = ""
    patients: tuple[str, ...] | None = None


def wants_async(exchange: Exchange) -> bool:
    """Whether `Prefer` says `respond-async`."""
    return _ASYNC.search(exchange.headers.get("prefer", "")) is not None


def is_lenient(exchange: Exchange) -> bool:
    """Whether `Prefer` says `handling=lenient`: what is not supported is then ignored."""
    return _LENIENT.search(exchange.headers.get("prefer", "")) is not None


class Reading:
    """Reads the parameters of one kick-off; the first thing that is wrong is kept in `problem`."""

    def __init__(self, server: FhirServer, settings: BulkSettings, exchange: Exchange, level: str) -> None:
        self.problem: Problem | None = None
        self.asked = Asked()
        self._server = server
        self._settings = settings
        self._exchange = exchange
        self._level = level
        self._lenient = is_lenient(exchange)

    def read(self, given: Input) -> Asked | Problem:
        """What is asked for, or the refusal of it."""
        for name in given:
            if name in _ALSO:
                continue
            reads = _READS.get(name)
            if reads is None or name not in self._settings.parameters:
                self._unknown(name)
            else:
                reads(self, name, given.all(name))
            if self.problem is not None:
                return self.problem
        self._check_together()
        return self.problem or self.asked

    def _unknown(self, name: str) -> None:
        if not self._lenient:
            close = nearest_names(name, self._settings.parameters)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            text = f"{name} is no parameter of $export here{hint}"
            self.problem = Problem(400, "parameter-unknown", text, parameter=name)

    def _wrong(self, name: str, value: str, text: str, *, status: int = 400, ignorable: bool = True) -> None:
        """Refuse a value; with `handling=lenient` it is ignored where that is possible."""
        if not (ignorable and self._lenient):
            self.problem = Problem(status, "parameter-invalid", text, parameter=name, value=value)

    def format(self, name: str, values: list[Any]) -> None:
        """`_outputFormat`."""
        for value in values:
            if str(value).replace(" ", "+") not in FORMATS:  # a plus sign that nobody encoded
                self._wrong(name, str(value), f"{value!r} is not offered; {', '.join(sorted(FORMATS))} are")

    def since(self, name: str, values: list[Any]) -> None:
        """`_since`: an instant."""
        found = interval(str(values[0]))
        if len(values) > 1 or found is None or "T" not in str(values[0]):
            self._wrong(name, str(values[0]), f"{values[0]!r} is no instant such as 2026-01-05T12:00:00Z")
        else:
            self.asked.since = found[0] / SECOND

    def types(self, name: str, values: list[Any]) -> None:
        """`_type`, comma-separated or repeated."""
        wanted = []
        for kind in _parts(values):
            if not is_resource_type(kind, self._server.fhir_version):
                close = nearest_names(kind, resource_types(self._server.fhir_version))
                hint = f"; did you mean {' or '.join(close)}?" if close else ""
                self._wrong(name, kind, f"{kind!r} is no resource type{hint}")
            elif (
                kind not in self._server.types
                or kind in RECORDED_TYPES
                or (self._settings.types and kind not in self._settings.types)
            ):
                self._wrong(name, kind, f"{kind} is not exported here")
            else:
                wanted.append(kind)
        if _parts(values):  # else it says nothing
            self.asked.types = tuple(dict.fromkeys(wanted))

    def filters(self, name: str, values: list[Any]) -> None:
        """`_typeFilter`: `Type?search`, comma-separated or repeated."""
        told = [one for value in values for one in _filters(str(value))]
        for text in told:
            kind, mark, query = unescape(text).partition("?")
            if not mark or not is_resource_type(kind, self._server.fhir_version):
                self._bad_filter(
                    name, text, "is no resource type with a search behind it, such as Patient?active=true"
                )
            elif kind in self._settings.unfiltered_types:
                self._bad_filter(name, text, f"cannot be used: {kind} is exported whole")
            else:
                self._filter(name, text, kind, query)
        most = self._settings.filters_per_type
        kinds = [kind for kind, _ in self.asked.filters]
        over = next((kind for kind in kinds if most and kinds.count(kind) > most), "")
        if over:
            self._wrong(name, over, f"{over} has more than {most} _typeFilter", ignorable=False)

    def _filter(self, name: str, text: str, kind: str, query: str) -> None:
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        if any(key.partition(":")[0] in RESULT_PARAMETERS for key, _ in pairs):
            if not self._lenient:
                self._bad_filter(name, text, "cannot be used: it says how results are shown")
                return
            pairs = tuple(pair for pair in pairs if pair[0].partition(":")[0] not in RESULT_PARAMETERS)
        now, base_url = self._server.clock.now(), self._exchange.base_url
        compiled = compile_filter(self._server, kind, pairs, strict=not self._lenient, base_url=base_url, now=now)
        if compiled.problems:
            self._bad_filter(name, text, f"cannot be used: {compiled.problems[0].text}")
        else:
            self.asked.filters.append((kind, pairs))

    def _bad_filter(self, name: str, text: str, why: str) -> None:
        self._wrong(name, text, f"{name} {text!r} {why}", status=self._settings.type_filter_status)

    def elements(self, name: str, values: list[Any]) -> None:
        """`_elements`: names, with their type or without."""
        self.asked.elements = tuple(_parts(values))

    def associated(self, name: str, values: list[Any]) -> None:
        """`includeAssociatedData`; of two kinds of Provenance the wider."""
        for value in _parts(values):
            found = ASSOCIATED.get(value)
            if found is None:
                close = nearest_names(value, ASSOCIATED)
                hint = f"; did you mean {close[0]}?" if close else ""
                self._wrong(name, value, f"{value!r} is not supported{hint}")
            elif self.asked.associated != "relevant":
                self.asked.associated = found

    def patients(self, name: str, values: list[Any]) -> None:
        """`patient`: References, in the body of a POST."""
        if self._exchange.method != "POST":
            self._wrong(name, "", "patient is given in the body of a POST", ignorable=False)
            return
        if self._level == "system":
            self._wrong(name, "", "patient does not go with an export of the whole system", ignorable=False)
            return
        ids = [_patient_in(value, self._exchange.base_url) for value in values]
        if "" in ids:
            self._wrong(name, "", "patient has to be a Reference to a Patient", ignorable=False)
        elif len(ids) > MOST_PATIENTS:
            self._wrong(name, "", f"{len(ids)} patients were named; {MOST_PATIENTS} are allowed", ignorable=False)
        else:
            self.asked.patients = tuple(dict.fromkeys(ids))

    def _check_together(self) -> None:
        asked, alone = self.asked, self._settings.accompanied_types
        if self.problem is not None or asked.types is None:
            return
        stray = next((kind for kind, _ in asked.filters if kind not in asked.types), "")
        if stray:
            self._wrong("_typeFilter", stray, f"_typeFilter is about {stray}, and _type does not name it")
            asked.filters = [one for one in asked.filters if one[0] in asked.types]
        if alone and asked.types and alone.issuperset(asked.types):
            text = f"_type names no clinical resource beside {', '.join(asked.types)}"
            self._wrong("_type", asked.types[0], text, ignorable=False)


def _parts(values: Iterable[Any]) -> list[str]:
    return [part.strip() for value in values for part in str(value).split(",") if part.strip()]


def _filters(text: str) -> list[str]:
    """Several searches in one text. A comma that no type with a question mark follows is of the search before it."""
    found: list[str] = []
    for part in split_escaped(text, ","):
        if found and not _TYPED.match(part):
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found


def _patient_in(value: Any, base_url: str) -> str:
    """The id in a Reference to a Patient of this server, or in its text; empty if there is none."""
    text = value.get("reference") if isinstance(value, dict) else value
    kind, _, id = str(text or "").removeprefix(f"{base_url}/").rpartition("/")
    return id if kind == "Patient" else ""


_READS: Final[dict[str, Callable[[Reading, str, list[Any]], None]]] = {
    "_outputFormat": Reading.format,
    "_since": Reading.since,
    "_type": Reading.types,
    "_typeFilter": Reading.filters,
    "_elements": Reading.elements,
    "includeAssociatedData": Reading.associated,
    "patient": Reading.patients,
}
