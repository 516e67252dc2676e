"""What all patients of a site share: staff, organisations and places, as clean US Core 6.1.0 resources.

Ids are `d{n}`, n being the position in the type's tuple; `roster` says who is where. The dicts are shared by all
readers: copy before you change one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Chance, Stream
from mockehr.core.folding import fold
from mockehr.population import roster
from mockehr.population.npi import false_npi
from mockehr.population.places import Place, Places
from mockehr.population.pools import SEXES, families, given, streets
from mockehr.population.professions import PRACTICES, Profession

JSON = dict[str, Any]

_PROFILE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_CLIA: Final = "urn:oid:2.16.840.1.113883.4.7"
_NAIC: Final = "urn:oid:2.16.840.1.113883.6.300"
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_STAFF_ID: Final = "https://example.org/staff"
_PLACE_ID: Final = "https://example.org/places"

_HOUSES: Final = (
    # name, organization-type, display
    ("{city} General Hospital", "prov", "Healthcare Provider"),
    ("{city} Clinics", "prov", "Healthcare Provider"),
    ("{city} Reference Laboratory", "prov", "Healthcare Provider"),
    ("{city} Community Pharmacy", "prov", "Healthcare Provider"),
    ("Example Mutual Health Plan", "pay", "Payer"),
    ("Example Senior Health Plan", "pay", "Payer"),
    ("Example State Health Program", "pay", "Payer"),
)
_ROOMS: Final = (
    # name, v3-RoleCode, display, location-physical-type, display
    ("{house}", "HOSP", "Hospital", "bu", "Building"),
    ("{house} Emergency Department", "ER", "Emergency room", "wa", "Ward"),
    ("{house} Medical Ward 2 East", "HU", "Hospital unit", "wa", "Ward"),
    ("{house} Surgical Ward 3 West", "HU", "Hospital unit", "wa", "Ward"),
    ("{house} Intensive Care Unit", "ICU", "Intensive care unit", "wa", "Ward"),
    ("{house} Laboratory", "HLAB", "hospital laboratory", "ro", "Room"),
    ("{city} Family Clinic", "OF", "Outpatient facility", "bu", "Building"),
    ("{city} North Clinic", "OF", "Outpatient facility", "bu", "Building"),
    ("{city} Lakeside Clinic", "OF", "Outpatient facility", "bu", "Building"),
    ("{city} Health Center", "OF", "Outpatient facility", "bu", "Building"),
)


class Directory:
    """The shared resources of one site, by type; `state` is where it stands, as for its Population."""

    __slots__ = ("resources",)

    resources: Mapping[str, tuple[JSON, ...]]

    def __init__(self, chance: Chance, *, state: str = "IL") -> None:
        areas = Places(state, chance.stream("population", "places")).areas
        organizations = _organizations(chance.stream("directory", "organizations"), areas)
        locations = _locations(chance.stream("directory", "locations"), areas, organizations)
        staff = [
            _practitioner(n, profession, locations[place], chance.stream("directory", "practitioner", n))
            for n, (profession, place) in enumerate(PRACTICES)
        ]
        roles = [_role(n, profession, staff[n], locations[place]) for n, (profession, place) in enumerate(PRACTICES)]
        self.resources = MappingProxyType(
            {
                "Organization": tuple(organizations),
                "Location": tuple(locations),
                "Practitioner": tuple(staff),
                "PractitionerRole": tuple(roles),
            }
        )

    def reference(self, resource_type: str, position: int) -> JSON:
        """A Reference with display; raises KeyError or IndexError where there is none."""
        return _reference(self.resources[resource_type][position])


def display(resource: JSON) -> str:
    """How people call a shared resource: `Dr. Ana Núñez, MD`, `Port Ryan General Hospital`."""
    name = resource.get("name")
    if isinstance(name, str):
        return name
    if name:
        return str(name[0]["text"])
    return str(resource["practitioner"]["display"])


def _reference(resource: JSON) -> JSON:
    return {"reference": f"{resource['resourceType']}/{resource['id']}", "display": display(resource)}


def _frame(resource_type: str, profile: str, position: int) -> JSON:
    return {"resourceType": resource_type, "id": f"d{position}", "meta": {"profile": [_PROFILE + profile]}}


def _concept(system: str, code: str, text: str) -> JSON:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _address(stream: Stream, area: Place) -> JSON:
    line = f"{stream.between(1, 98) * 100} {stream.choice(streets())}"
    return {
        "use": "work",
        "line": [line],
        "city": area.city,
        "district": area.district,
        "state": area.state,
        "postalCode": area.postcode,
        "country": "US",
    }


def _phone(stream: Stream) -> JSON:
    area_code = stream.choice((312, 415, 512, 617, 702, 919))
    return {"system": "phone", "value": f"{area_code}-555-01{stream.below(100):02d}", "use": "work"}


def _mail(local: str) -> JSON:
    return {"system": "email", "value": f"{local}@example.org", "use": "work"}


def _organizations(stream: Stream, areas: tuple[Place, ...]) -> list[JSON]:
    made: list[JSON] = []
    for n, (name, kind, kind_display) in enumerate(_HOUSES):
        area = areas[0] if n == roster.HOSPITAL else stream.choice(areas)
        if n in roster.PAYERS:
            identifiers = [{"system": _NAIC, "value": f"{90000 + stream.below(10000)}"}]
        else:
            identifiers = [{"system": _NPI, "value": false_npi(stream)}]
        if n == roster.LABORATORY:
            identifiers.append({"system": _CLIA, "value": f"99D{stream.below(10**7):07d}"})
        organization = _frame("Organization", "organization", n) | {
            "identifier": identifiers,
            "active": True,
            "type": [_concept(_TERMS + "organization-type", kind, kind_display)],
            "name": name.format(city=areas[0].city),
            "telecom": [_phone(stream), _mail(f"office{n}")],
            "address": [_address(stream, area)],
        }
        if n == roster.CLINIC_GROUP:
            organization["partOf"] = _reference(made[roster.HOSPITAL])
        made.append(organization)
    return made


def _locations(stream: Stream, areas: tuple[Place, ...], organizations: list[JSON]) -> list[JSON]:
    made: list[JSON] = []
    hospital = organizations[roster.HOSPITAL]
    for n, (name, role, role_display, form, form_display) in enumerate(_ROOMS):
        clinic = n in roster.CLINICS
        area = areas[(n - roster.CLINICS[0]) * len(areas) // len(roster.CLINICS)] if clinic else areas[0]
        address = _address(stream, area) if clinic else hospital["address"][0]
        location = _frame("Location", "location", n) | {
            "identifier": [{"system": _PLACE_ID, "value": f"{1000 + n}"}],
            "status": "active",
            "name": name.format(city=area.city, house=hospital["name"]),
            "mode": "instance",
            "type": [_concept(_TERMS + "v3-RoleCode", role, role_display)],
            "telecom": [_phone(stream)],
            "address": address,
            "physicalType": _concept(_TERMS + "location-physical-type", form, form_display),
            "managingOrganization": _reference(organizations[roster.CLINIC_GROUP] if clinic else hospital),
        }
        if not clinic and n != roster.BUILDING:
            location["partOf"] = _reference(made[roster.BUILDING])
        made.append(location)
    return made


def _practitioner(position: int, profession: Profession, workplace: JSON, stream: Stream) -> JSON:
    sex = SEXES[stream.below(2)]
    names, first = families(), given(sex)
    family = names.names.texts[names.table.entry(stream.below(names.table.total))]
    called = stream.weighted(first.names.texts, first.weights)
    titled = [profession.prefix] if profession.prefix else []
    local = "".join(filter(str.isalpha, fold(family)))
    return _frame("Practitioner", "practitioner", position) | {
        "identifier": [
            {"use": "official", "system": _NPI, "value": false_npi(stream)},
            {"system": _STAFF_ID, "value": f"{20000 + position}"},
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "text": " ".join([*titled, called, family]) + f", {profession.degree}",
                "family": family,
                "given": [called],
                **({"prefix": titled} if titled else {}),
                "suffix": [profession.degree],
            }
        ],
        "telecom": [_phone(stream), _mail(f"{local}.{position}")],
        "address": [workplace["address"]],
        "gender": sex,
        "qualification": [{"code": _concept(_TERMS + "v2-0360", profession.degree, profession.degree_display)}],
    }


def _role(position: int, profession: Profession, practitioner: JSON, workplace: JSON) -> JSON:
    title = profession.role.capitalize()
    return _frame("PractitionerRole", "practitionerrole", position) | {
        "active": True,
        "practitioner": _reference(practitioner),
        "organization": workplace["managingOrganization"],
        "code": [_concept(_TERMS + "practitioner-role", profession.role, title)],
        "specialty": [_concept("http://nucc.org/provider-taxonomy", profession.taxonomy, profession.title)],
        "location": [_reference(workplace)],
        "telecom": practitioner["telecom"],
    }
