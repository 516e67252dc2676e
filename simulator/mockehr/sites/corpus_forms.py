"""How a corpus is written: NDJSON by type, Bundles by patient, HL7 v2 files, flat tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import Change
from mockehr.core.errors import MockehrError
from mockehr.core.exchange import JSON
from mockehr.core.paths import get
from mockehr.fhir.record import encode
from mockehr.hl7.batch import write_batch
from mockehr.hl7.emit import emit, told_by
from mockehr.hl7.emit.outline import Event
from mockehr.sites.corpus import ChartRecords, Folder, Form
from mockehr.sites.gathering import gather
from mockehr.sites.site import Site

BATCH: Final = 250
"""Patients whose messages lie in one file."""


class Ndjson:
    """`fhir/<Type>.ndjson` with the records as shown, `truth/<Type>.ndjson` with what is true."""

    def __init__(self, *, truth: bool = True) -> None:
        self._truth = truth

    def begin(self, site: Site, shared: Sequence[JSON], folder: Folder) -> None:
        """What belongs to nobody is true."""
        for document in shared:
            self._write("fhir", document, folder)
            if self._truth:
                self._write("truth", document, folder)

    def take(self, chart: ChartRecords, folder: Folder) -> None:
        """Each record into the file of its type."""
        for document in chart.shown:
            self._write("fhir", document, folder)
        for document in chart.true if self._truth else ():
            self._write("truth", document, folder)

    def end(self, folder: Folder) -> None:
        """Nothing is left to do."""

    def _write(self, place: str, document: JSON, folder: Folder) -> None:
        folder.append(f"{place}/{document['resourceType']}.ndjson", encode(document) + b"\n")


class Bundles:
    """A Bundle for each patient, `collections/<id>.json`, and `shared.json` beside them; or transactions to POST."""

    def __init__(self, kind: str = "collection") -> None:
        self._kind = kind

    def begin(self, site: Site, shared: Sequence[JSON], folder: Folder) -> None:
        """Staff, places and drugs, to which charts refer."""
        self._lay("shared", shared, folder)

    def take(self, chart: ChartRecords, folder: Folder) -> None:
        """One Bundle, the Patient first."""
        self._lay(chart.patient, chart.shown, folder)

    def end(self, folder: Folder) -> None:
        """Nothing is left to do."""

    def _lay(self, name: str, documents: Sequence[JSON], folder: Folder) -> None:
        entries = [self._entry(document) for document in documents]
        bundle = {"resourceType": "Bundle", "type": self._kind, "entry": entries}
        folder.lay(f"{self._kind}s/{name}.json", encode(bundle) + b"\n", len(entries))

    def _entry(self, document: JSON) -> JSON:
        key = f"{document['resourceType']}/{document['id']}"
        entry: JSON = {"fullUrl": f"http://hospital.example.org/fhir/{key}", "resource": document}
        return entry | ({"request": {"method": "PUT", "url": key}} if self._kind == "transaction" else {})


class Hl7Files:
    """`hl7/batch-0001.hl7` …: batches in the vendor's dialect with A28, the last visit's A04, and the reports as ORU.

    What cannot be told (a report without what the message wants) is noted in `hl7/untold.ndjson`.
    """

    def __init__(self) -> None:
        self._site: Site
        self._messages: list[bytes] = []
        self._patients = 0
        self._files = 0
        self._number = 0

    def begin(self, site: Site, shared: Sequence[JSON], folder: Folder) -> None:
        """Messages are gathered from the site's store."""
        self._site = site

    def take(self, chart: ChartRecords, folder: Folder) -> None:
        """The messages of one patient; a file is laid when it has enough."""
        for change in self._changes(chart):
            name = change.event or told_by(change, self._site.dialect)
            if not name:
                continue
            try:
                event = Event(name, self._site.clock.now(), self._number + 1, occurred=change.at, action="create")
                body = emit(event, gather(self._site, change), self._site.dialect)
            except (MockehrError, ValueError, TypeError, LookupError, AttributeError) as error:
                row = {"key": f"{change.resource_type}/{change.id}", "message": name, "why": str(error)}
                folder.append("hl7/untold.ndjson", encode(row) + b"\n")
                continue
            self._number += 1
            self._messages.append(body)
        self._patients += 1
        if self._patients % BATCH == 0:
            self._lay(folder)

    def end(self, folder: Folder) -> None:
        """The last file."""
        if self._messages:
            self._lay(folder)

    def _changes(self, chart: ChartRecords) -> Iterator[Change]:
        now, patient = self._site.clock.now(), chart.patient

        def change(document: JSON, event: str = "") -> Change:
            kind, id = document["resourceType"], document["id"]
            return Change(1, "create", kind, id, 1, now, "control", document, patient, event=event)

        by_type: dict[str, list[JSON]] = {}
        for document in chart.shown:
            by_type.setdefault(document["resourceType"], []).append(document)
        yield from (change(document, "ADT^A28") for document in by_type.get("Patient", ()))
        yield from (change(document, "ADT^A04") for document in by_type.get("Encounter", ())[-1:])
        yield from (change(document) for document in by_type.get("DiagnosticReport", ()))

    def _lay(self, folder: Folder) -> None:
        self._files += 1
        site = self._site
        octets = write_batch(
            self._messages, site.dialect, at=site.clock.now(), control_id=f"B{self._files:06d}",
            name=f"CORPUS{self._files:04d}",
        )  # fmt: skip
        folder.lay(f"hl7/batch-{self._files:04d}.hl7", octets, len(self._messages))
        self._messages = []


class Tables:
    """`csv/<Type>.csv`: one flat row for each record, with what people sort and filter by."""

    def begin(self, site: Site, shared: Sequence[JSON], folder: Folder) -> None:
        """Staff, places and drugs."""
        for document in shared:
            self._write(document, "", folder)

    def take(self, chart: ChartRecords, folder: Folder) -> None:
        """The rows of one chart."""
        for document in chart.shown:
            self._write(document, chart.patient, folder)

    def end(self, folder: Folder) -> None:
        """Nothing is left to do."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def _write(self, document: JSON, patient: str, folder: Folder) -> None:
        kind = document["resourceType"]
        columns = COLUMNS.get(kind, OTHERS)
        name = f"csv/{kind}.csv"
        if kind not in self._begun:
            self._begun.add(kind)
            folder.append(name, _line(["id", "patient", *columns]))
        cells = [_first(document, paths) for paths in columns.values()]
        folder.append(name, _line([document["id"], patient, *cells]))


_CODE: Final = {"system": ("code.coding[0].system",), "code": ("code.coding[0].code",)}
_TEXT: Final = {"text": ("code.text", "code.coding[0].display")}
OTHERS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "status": ("status",),
        **_CODE,
        "text": ("code.text", "type.text", "name", "title", "name[0].text"),
        "date": ("date", "performedDateTime", "performedPeriod.start", "period.start", "recorded", "created"),
    }
)
"""Columns of types that have none of their own: name, and the paths of which the first that is there counts."""
COLUMNS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = MappingProxyType(
    {
        "Patient": {
            "family": ("name[0].family",), "given": ("name[0].given[0]",), "birth_date": ("birthDate",),
            "gender": ("gender",), "identifier": ("identifier[0].value",), "phone": ("telecom[0].value",),
            "city": ("address[0].city",), "state": ("address[0].state",), "postal_code": ("address[0].postalCode",),
            "deceased": ("deceasedDateTime", "deceasedBoolean"),
        },
        "Observation": {
            "encounter": ("encounter.reference",), "status": ("status",), **_CODE, **_TEXT,
            "effective": ("effectiveDateTime", "effectivePeriod.start"),
            "value": ("valueQuantity.value", "valueString", "valueCodeableConcept.text"),
            "unit": ("valueQuantity.unit",), "unit_code": ("valueQuantity.code",),
        },
        "Condition": {
            "encounter": ("encounter.reference",), "clinical_status": ("clinicalStatus.coding[0].code",), **_CODE,
            **_TEXT, "onset": ("onsetDateTime", "onsetPeriod.start"), "abatement": ("abatementDateTime",),
            "recorded": ("recordedDate",),
        },
        "MedicationRequest": {
            "encounter": ("encounter.reference",), "status": ("status",),
            "system": ("medicationCodeableConcept.coding[0].system",),
            "code": ("medicationCodeableConcept.coding[0].code", "medicationReference.reference"),
            "text": ("medicationCodeableConcept.text", "medicationReference.display"),
            "dosage": ("dosageInstruction[0].text",), "authored": ("authoredOn",),
        },
        "Immunization": {
            "status": ("status",), "system": ("vaccineCode.coding[0].system",),
            "code": ("vaccineCode.coding[0].code",), "text": ("vaccineCode.text",),
            "occurred": ("occurrenceDateTime",),
        },
        "Encounter": {
            "status": ("status",), "class": ("class.code",), "text": ("type[0].text",), "start": ("period.start",),
            "end": ("period.end",),
        },
    }
)  # fmt: skip
"""The same, of types that have columns of their own."""


def _first(document: JSON, paths: Sequence[str]) -> str:
    for path in paths:
        value = get(document, path)
        if isinstance(value, str | int | float):
            return str(value)
    return ""


def _line(cells: Sequence[Any]) -> bytes:
    """One row (RFC 4180); octets that are no UTF-8 stay what they are."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    text = buffer.getvalue()
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


FORMS: Final[Mapping[str, Callable[[], Form]]] = MappingProxyType(
    {
        "ndjson": Ndjson,
        "bundles": Bundles,
        "transactions": lambda: Bundles("transaction"),
        "hl7": Hl7Files,
        "csv": Tables,
    }
)
"""The forms by name."""
