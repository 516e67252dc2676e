"""The hospital that pathways run in: a site's store, population, staff and clock behind its seam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from mockehr.core.chance import Chance, Stream
from mockehr.core.changes import QUIET
from mockehr.core.clock import instant
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.fhir.record import encode
from mockehr.hl7.header import read_header
from mockehr.pathways.beds import WARDS, Bed, Beds
from mockehr.pathways.hospital import Known
from mockehr.pathways.person import PersonConfig
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.ids import place_of
from mockehr.population import roster
from mockehr.population.chart import staff_of
from mockehr.population.chart.codes import hl7, meta
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.patient import write_patient
from mockehr.population.criteria import Between, Criterion, Equals
from mockehr.population.directory import Directory, display
from mockehr.population.person import Person
from mockehr.population.population import Population
from mockehr.population.professions import PRACTICES
from mockehr.sites.site import Site

POINTS: Final = "http://example.org/authority/location"
"""System of ward, room and bed, as messages write them."""
STRANGERS: Final = 1 << 20
"""How many people live around the hospital whom it does not know."""
PARTS_KEPT: Final = 20_000
"""How many different elements are looked for among what is stored."""
_NODES: Final = (dict, list)
_TRIES: Final = 12
"""How many of those who fit are looked at before a new patient is made."""
_PEERS: Final = 3
"""How many years older somebody may be whose birth date is changed to that which is wished."""
_FIRST_MRN: Final = 60_000_000
"""Record numbers of new patients; those of populations count from 0."""
_HOUSES: Final = {"hospital": roster.HOSPITAL, "clinics": roster.CLINIC_GROUP, "laboratory": roster.LABORATORY}


class SiteHospital:
    """One site's `mockehr.pathways.hospital.Hospital`."""

    def __init__(self, site: Site, beds: Beds) -> None:
        self.site = site
        self.beds = beds
        self.busy: set[str] = set()
        """Ids of patients in a pathway, and of those who will be in none again."""
        self._since = site.store.last
        charts = site.charts
        chance = Chance(f"{site.options.seed}/strangers")
        self._strangers = Population(chance, STRANGERS, as_of=site.clock.now() // 86400 * 86400)
        self._directory = charts.population.directory if charts is not None else Directory(site.chance)
        self._here = charts is not None
        """Whether staff and places can be read at the site."""
        shared = self._directory.resources.values()
        self._shared = {f"{one['resourceType']}/{one['id']}": one for kind in shared for one in kind}
        self._staff = staff_of(self._directory.resources)
        self._parts: dict[bytes, Any] = {}
        """Elements of documents by their JSON."""
        self._places: dict[str, JSON] = {}
        """Clean Locations that were written for wards and beds, by code or point."""

    def clear(self) -> None:
        """Nobody is here, and nothing was written."""
        self.beds.clear()
        self.busy.clear()
        self._places.clear()
        self._since = self.site.store.last

    # time and chance

    def now(self) -> float:
        """See Hospital."""
        return self.site.clock.now()

    def schedule(self, at: float, action: Callable[[], None], label: str) -> Callable[[], None]:
        """See Hospital."""
        return self.site.clock.schedule(at, action, label)

    def stream(self, *names: str | int) -> Stream:
        """See Hospital. Where the store lasts, every process draws anew."""
        return self.site.chance.stream(*names, *((self._since,) if self._since else ()))

    # writing

    def transaction(self) -> AbstractContextManager[None]:
        """See Hospital."""
        return self.site.store.transaction()

    def new_id(self, kind: str) -> str:
        """See Hospital."""
        return self.site.fhir.new_id(kind)

    def number(self) -> int:
        """See Hospital: that of the version that is written next."""
        return self.site.store.last + 1

    def write(self, resource: JSON, before: JSON | None, event: str, near: Known) -> None:
        """See Hospital."""
        site, kind = self.site, resource["resourceType"]
        made = self._dressed(resource, near)
        current = site.store.read(kind, made["id"])
        if current is not None and before is not None and not current.deleted:
            had = self._dressed(before, near)
            changed = {name: value for name, value in made.items() if had.get(name) != value}
            made = {
                name: value for name, value in current.document.items() if name in made or name not in had
            } | changed
        version = current.version + 1 if current is not None else 1
        stamped = self._shared_parts(site.fhir.stamp(made, version, site.clock.now()))
        change: Any = "create" if current is None else "update"
        # the encoder's own buffer is three times as large as what it holds
        body = bytes(memoryview(encode(stamped)))
        site.store.commit(stamped, kind=change, source="pathway", event=event, body=body)

    def _shared_parts(self, document: JSON) -> JSON:
        """The same, with elements that others have as well (codes, the patient, the visit) held only once: a month of
        a hospital is hundreds of thousands of resources. What is stored is never changed in place."""
        parts = self._parts
        if len(parts) > PARTS_KEPT:
            parts.clear()
        return {
            name: parts.setdefault(bytes(memoryview(encode(value))), value) if isinstance(value, _NODES) else value
            for name, value in document.items()
        }

    def _dressed(self, resource: JSON, near: Known) -> JSON:
        site = self.site
        ids = site.charts.ids if site.charts is not None else site.personality.ids(site.facts)
        now = instant(site.clock.now())
        dresser = Dresser(ids, site.facts, chart=near, directory=self._shared.get, recorded=lambda one: now)
        return site.personality.dress(resource, dresser)

    def read(self, kind: str, id: str) -> JSON | None:
        """See Hospital. Clean ids of the population will do."""
        record = self.site.store.read(kind, self.shown_id(id) if kind == "Patient" else id)
        return record.document if record is not None and not record.deleted else None

    def shown_id(self, patient: str) -> str:
        """The id of a clean Patient as the site shows it."""
        place, charts = place_of(patient), self.site.charts
        return patient if place is None or place[0] is None or charts is None else charts.patient_id(place[0])

    # people

    def find_patient(self, wish: PersonConfig, stream: Stream) -> JSON | None:
        """See Hospital."""
        charts = self.site.charts
        if charts is None:
            return None
        found = charts.population.find(self._criteria(wish))
        count = found.count
        for _ in range(min(count, _TRIES)):
            (index,) = found.page(stream.below(count), 1)
            person = charts.person(index)
            named = not wish.given or person.given[:1] == (wish.given,)
            if named and not person.deceased and f"p{index}" not in self.busy and self._free(index):
                self.busy.add(f"p{index}")
                return charts.clean(index, patient_only=True).resources[0]
        return None

    def _free(self, index: int) -> bool:
        """Whether nobody wrote that this patient died, was deleted or lives on under another record."""
        charts = self.site.charts
        assert charts is not None
        record = self.site.store.read("Patient", charts.patient_id(index))
        if record is None or record.deleted:
            return False
        document = record.document
        replaced = any(link.get("type") == "replaced-by" for link in document.get("link", []))
        return not (replaced or "deceasedDateTime" in document or document.get("deceasedBoolean"))

    def named_patient(self, id: str) -> JSON:
        """See Hospital."""
        charts = self.site.charts
        index = charts.index_of(id) if charts is not None else None
        if charts is not None and index is not None and index < charts.population.size:
            self.busy.add(f"p{index}")
            return charts.clean(index, patient_only=True).resources[0]
        record = self.site.store.read("Patient", id)
        if record is None or record.deleted:
            first = range(min(10, charts.population.size)) if charts is not None else ()
            some = [charts.patient_id(place) for place in first] if charts is not None else []
            raise UnknownName("patient", id, some, reference="mockehr site patients")
        self.busy.add(id)
        return record.document

    def new_patient(self, wish: PersonConfig, stream: Stream) -> JSON:
        """See Hospital."""
        found = self._strangers.find(self._criteria(wish, named=False))
        if not found.count and wish.age is not None and not wish.birth_date:
            # Nobody is born after the site's first day: somebody of about that age, born when it is wished.
            born = self._born(stream.uniform(wish.age.low, wish.age.high))
            peers = Between("birth_date", self._born(wish.age.high + _PEERS), self._born(wish.age.low))
            found = self._strangers.find([peers, *self._criteria(wish.model_copy(update={"age": None}), named=False)])
            wish = wish.model_copy(update={"birth_date": born})
        if not found.count:
            found = self._strangers.find(())
        (index,) = found.page(stream.below(found.count), 1)
        person = replace(self._strangers.person(index), deceased="", mrn_number=_FIRST_MRN + self.number())
        draft = Draft(self.site.chance, _as_wished(person, wish), self._staff, self.now())
        write_patient(draft, self.now())
        patient = draft.resources[0] | {"id": self.new_id("Patient")}
        if wish.mrn:
            patient["identifier"] = [{**patient["identifier"][0], "value": wish.mrn}]
        self.busy.add(patient["id"])
        return patient

    def _criteria(self, wish: PersonConfig, *, named: bool = True) -> list[Criterion]:
        criteria: list[Criterion] = []
        if wish.sex is not None:
            criteria.append(Equals("sex", wish.sex))
        if wish.birth_date:
            criteria.append(Equals("birth_date", wish.birth_date))
        elif wish.age is not None:
            # whole years are completed ones; 0.2 is what it says
            most = wish.age.high + (1 if float(wish.age.high).is_integer() else 0)
            criteria.append(Between("birth_date", self._born(most), self._born(wish.age.low)))
        if named:
            told = {"family": wish.family, "postcode": wish.postcode, "city": wish.city}
            criteria += [Equals(trait, text) for trait, text in told.items() if text]
        return criteria

    def _born(self, years: float) -> str:
        return datetime.fromtimestamp(self.now() - years * 365.25 * 86400, UTC).strftime("%Y-%m-%d")

    def dismiss(self, patient: JSON, *, dead: bool = False) -> None:
        """See Hospital."""
        if not dead:
            self.busy.discard(patient["id"])

    def clinician(self, ward: str, title: str, stream: Stream) -> JSON:
        """See Hospital."""
        titles = (title,) if title else WARDS[ward].professions
        known = [n for n, (profession, _) in enumerate(PRACTICES) if profession.title in titles]
        known = [n for n in known if n not in roster.PRIMARY_CARE] or known
        return self._reference("Practitioner", stream.choice(known))

    # places

    def house(self, what: str) -> JSON:
        """See Hospital."""
        return self._reference("Organization", _HOUSES[what])

    def clinic(self, patient: JSON) -> JSON:
        """See Hospital."""
        doctor = str((patient.get("generalPractitioner") or [{}])[0].get("reference", ""))
        number = doctor.removeprefix("Practitioner/d")
        position = int(number) if number.isdigit() else 0
        return self._reference(
            "Location", roster.clinic_of(position) if position in roster.PRIMARY_CARE else roster.CLINICS[0]
        )

    def location(self, bed: Bed) -> JSON:
        """See Hospital."""
        place = self._places.get(bed.point) or self._write_bed(bed)
        return {
            "reference": f"Location/{place['id']}",
            "identifier": {"system": POINTS, "value": bed.point},
            "display": bed.name,
        }

    def _write_bed(self, bed: Bed) -> JSON:
        return self._write_place(bed.point, bed.name, ("bd", "Bed"), self._ward(bed.ward))

    def _ward(self, code: str) -> JSON:
        ward = WARDS[code]
        if ward.place >= 0 and self._here:
            return self._reference("Location", ward.place)
        place = self._places.get(code) or self._write_place(code, ward.name, ("wa", "Ward"), None)
        return {"reference": f"Location/{place['id']}", "display": ward.name}

    def _write_place(self, point: str, name: str, kind: tuple[str, str], within: JSON | None) -> JSON:
        known = self.site.store.written_with("Location", POINTS, point)
        if known:  # by an earlier process, where the store lasts
            self._places[point] = known[0].document
            return known[0].document
        place: JSON = {
            "resourceType": "Location",
            "id": self.new_id("Location"),
            "meta": meta("us-core-location"),
            "identifier": [{"system": POINTS, "value": point}],
            "status": "active",
            "name": name,
            "mode": "instance",
            "type": [hl7("v3-RoleCode", "HU", "Hospital unit")],
            "physicalType": hl7("location-physical-type", *kind),
            "managingOrganization": self.house("hospital"),
        }
        if within is not None:
            place["partOf"] = within
        self._places[point] = place
        self.write(place, None, QUIET, {})
        return place

    def _reference(self, kind: str, position: int) -> JSON:
        resource = self._directory.resources[kind][position]
        shown: JSON = {"display": display(resource)}
        if self._here:
            return {"reference": f"{kind}/{resource['id']}"} | shown
        return {"identifier": resource["identifier"][0]} | shown

    # messages

    def send(self, text: str) -> None:
        """See Hospital. On every link that carries its type and trigger."""
        links, body = self.site.links, text.encode(self.site.dialect.codec, "replace")
        kind = read_header(body).kind
        for link in links.links.values():
            if link.carries(kind):
                links.send(link, body)


def _as_wished(person: Person, wish: PersonConfig) -> Person:
    told: Mapping[str, Any] = {
        "family": wish.family,
        "given": tuple(wish.given.split()),
        "birth_date": wish.birth_date,
        "sex": wish.sex,
        "street": wish.street,
        "city": wish.city,
        "state": wish.state,
        "postcode": wish.postcode,
        "phone_home": wish.phone,
    }
    kept: dict[str, Any] = {name: value for name, value in told.items() if value}
    if "given" in kept:
        kept["preferred"] = ""
    if "family" in kept or "given" in kept:
        kept["email"] = ""
    return replace(person, **kept)
