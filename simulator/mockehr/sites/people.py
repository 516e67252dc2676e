"""Who can sign in at a site, and what they may choose: staff, patients, encounters, as the site shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from mockehr.auth.people import Choice, User
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import look_up
from mockehr.fhir.record import Record
from mockehr.population.professions import FAMILY_MEDICINE, NURSE, PHARMACIST, PRACTICES

if TYPE_CHECKING:
    from mockehr.sites.site import Site

STAFF: Final = MappingProxyType({"clinician": FAMILY_MEDICINE, "nurse": NURSE, "pharmacist": PHARMACIST})
"""Usernames of staff, each the first of its profession at a site."""
PATIENT: Final = "patient"
"""Username of its first patient, who opens no other record."""
PROXY: Final = "proxy"
"""Username of its second patient, who may open the third one's record as well."""


class SitePeople:
    """See `mockehr.auth.people.Charts`. Ids and names are those of the records as the site shows them."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def patients(self, text: str, limit: int) -> Sequence[Choice]:
        """Patients whose family or given name begins with `text`; the first ones without."""
        query = urlencode({"name": text}) if text.strip() else ""
        return [
            _patient_choice(self._site.fhir.shown(record).document) for record in self._found("Patient", query, limit)
        ]

    def patient(self, id: str) -> Choice | None:
        """That patient."""
        found = self._found("Patient", urlencode({"_id": id}), 1)
        return _patient_choice(self._site.fhir.shown(found[0]).document) if found else None

    def encounters(self, patient: str, limit: int) -> Sequence[Choice]:
        """The patient's encounters, the latest first."""
        charts = self._site.charts
        records = list(charts.chart(patient, "Encounter")) if charts is not None else []
        records += [
            record
            for record in self._site.store.overlay("Encounter")
            if not record.deleted and record.patient == patient and record.id not in {one.id for one in records}
        ]
        told = [_encounter_choice(self._site.fhir.shown(record).document) for record in records if not record.deleted]
        return sorted(told, key=lambda choice: choice.detail, reverse=True)[:limit]

    def accounts(self) -> Sequence[User]:
        """Some of the staff, a patient, and one with a relative's record; none asks for a password."""
        return [*self._staff(), *self._portal()]

    def _staff(self) -> Iterator[User]:
        charts = self._site.charts
        if charts is not None:
            records, professions = charts.shared("Practitioner"), [profession for profession, _ in PRACTICES]
            found = {name: records[professions.index(wanted)] for name, wanted in STAFF.items()}
        else:
            found = dict(zip(STAFF, self._found("Practitioner", "", len(STAFF)), strict=False))
        for username, record in found.items():
            yield User(username, record.key, _name(record.document), email=f"{username}@example.org")
        if not found:
            yield User("clinician", "Practitioner/clinician", "A clinician")

    def _portal(self) -> Iterator[User]:
        ids = [(choice.id, choice.label) for choice in self.patients("", 3)]
        if ids:
            yield User(
                PATIENT, f"Patient/{ids[0][0]}", ids[0][1], patients=(ids[0][0],), email=f"{PATIENT}@example.org"
            )
        if len(ids) == 3:
            own = (ids[1][0], ids[2][0])
            yield User(PROXY, f"Patient/{own[0]}", ids[1][1], patients=own, email=f"{PROXY}@example.org")

    def _found(self, kind: str, query: str, limit: int) -> Sequence[Record]:
        charts = self._site.charts
        if not query and charts is not None:
            return [charts.patient(index) for index in range(min(limit, charts.size))]
        found = look_up(self._site.fhir, kind, query, offset=0, limit=limit)
        return [] if isinstance(found, Problem) else found[1]


def _patient_choice(document: JSON) -> Choice:
    told = [str(document.get(name, "")) for name in ("birthDate", "gender")]
    numbers = [one.get("value", "") for one in document.get("identifier", ()) if one.get("value")]
    detail = ", ".join(filter(None, (f"born {told[0]}" if told[0] else "", told[1], *numbers[:1])))
    return Choice(str(document["id"]), _name(document) or str(document["id"]), detail)


def _encounter_choice(document: JSON) -> Choice:
    kinds = [
        one.get("text") or next((c.get("display", "") for c in one.get("coding", ())), "")
        for one in document.get("type", ())
    ]
    start = str(document.get("period", {}).get("start", ""))
    label = next(filter(None, kinds), "") or str(document.get("class", {}).get("display", "")) or "Visit"
    return Choice(str(document["id"]), label, f"{start[:10]} {document.get('status', '')}".strip())


def _name(document: JSON) -> str:
    for name in document.get("name", ()):
        parts = [*name.get("given", ()), name.get("family", "")]
        said = str(name.get("text") or " ".join(filter(None, parts)))
        if said:
            return said
    return ""
