"""Release trains: what an upgrade of a vendor's product changes, and when a site takes it.

A personality tells of its upgrades in the section `upgrades`, a site may have some of its own in its settings;
`upgrade` says which of them the site takes, and when. Everything is checked when a site is built.

    upgrades:
      2026-Q3:
        at: 2026-08-15              # a day (midnight UTC) or a moment; without it the release is there from the start
        version: August 2026        # what the CapabilityStatement's software says from then on
        fields:                     # on everything that the site answers
          - {resource: Patient, rename: maritalStatus, to: civilStatus}
          - {resource: Observation, drop: interpretation}
          - {resource: Encounter, add: serviceProvider.display, value: Main Campus}
        endpoints:
          drop: [Goal]              # refused like a type that never was
          add: [Flag]               # with the vendor's default interactions; {Flag: [read]} for others
          deprecate: {CarePlan: 2027-02-15}   # still answered, with Deprecation and Sunset headers; dropped then
        settings: {search: {default_size: 20}}   # any other setting of the personality

    upgrade: 2026-Q3                # at its own date; several as a list
    upgrade: {2026-Q3: 2026-02-01}  # at another; without a date it is there from the start
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from mockehr.config.document import Document
from mockehr.config.explain import validate
from mockehr.config.settings import Section
from mockehr.core import paths
from mockehr.core.clock import day
from mockehr.core.errors import ConfigError, MockehrError, UnknownName
from mockehr.fhir.elements import is_resource_type
from mockehr.personalities.fields import FieldChange

FIXED: Final = frozenset(
    {"fhir_version", "identifiers", "identity", "ids", "inherits", "paths", "token", "upgrade", "upgrades"}
)
"""Settings that a site cannot change while it runs: addresses, ids and what tokens are made of."""
_ITS_OWN: Final = object()
"""In place of a date: the one that the upgrade tells itself."""


def moment_of(value: Any) -> float:
    """Site seconds of a day (its midnight in UTC) or a moment; raises ValueError saying what is allowed."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no day such as 2026-08-15")
    if isinstance(value, (int, float)):
        return float(value)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is no day such as 2026-08-15, and no moment") from error
    if found.tzinfo is None:
        if len(str(value)) > 10:
            raise ValueError(f"{value} names no time zone: end it with Z or an offset such as -06:00")
        found = found.replace(tzinfo=UTC)
    return found.timestamp()


def _moment(value: Any) -> Any:
    return value if value is None else moment_of(value)


def _as_mapping(value: Any) -> Any:
    return dict.fromkeys(value) if isinstance(value, list) else value


def _resource_type(value: Any) -> Any:
    known = isinstance(value, str) and (is_resource_type(value) or is_resource_type(value, "4.3.0"))
    if not known:
        raise ValueError(f"{value!r} is no resource type")
    return value


_Moment = Annotated[float | None, BeforeValidator(_moment)]
_Type = Annotated[str, BeforeValidator(_resource_type)]
_Types = BeforeValidator(_as_mapping)


class FieldSection(Section):
    """One change of an element: exactly one of `rename` (with `to`), `drop` and `add` (with `value`)."""

    resource: _Type
    rename: str = ""
    to: str = ""
    drop: str = ""
    add: str = ""
    value: Any = None

    @model_validator(mode="after")
    def _one_change_with_what_it_needs(self) -> Self:
        paths_given = [path for path in (self.rename, self.drop, self.add) if path]
        if len(paths_given) != 1:
            raise ValueError("one of rename, drop and add is needed, and no more than one")
        if bool(self.to) != bool(self.rename) or "." in self.to or "[" in self.to:
            raise ValueError("rename goes with `to`, the new name of the path's last step")
        if (self.value is not None) != bool(self.add):
            raise ValueError("add goes with `value`")
        if paths_given[0].endswith("]"):
            raise ValueError(f"{paths_given[0]} ends in a position; end it in a name")
        try:
            paths.get_all({}, paths_given[0])
        except MockehrError as error:
            raise ValueError(str(error.what)) from error
        return self

    def change(self) -> FieldChange:
        """As the value that works."""
        kind = "rename" if self.rename else "drop" if self.drop else "add"
        return FieldChange(self.resource, kind, self.rename or self.drop or self.add, self.to, self.value)  # type: ignore[arg-type]


class EndpointsSection(Section):
    """Resource types that go, come, or are about to go."""

    drop: list[_Type] = Field(default_factory=list)
    add: Annotated[dict[_Type, list[str] | None], _Types] = Field(default_factory=dict)
    deprecate: Annotated[dict[_Type, _Moment], _Types] = Field(default_factory=dict)


class UpgradeSection(Section):
    """One upgrade."""

    at: _Moment = None
    version: str = ""
    fields: list[FieldSection] = Field(default_factory=list)
    endpoints: EndpointsSection = Field(default_factory=EndpointsSection)
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _nothing_fixed_is_set(self) -> Self:
        fixed = sorted(FIXED & self.settings.keys())
        if fixed:
            raise ValueError(f"settings: {', '.join(fixed)} cannot change while a site runs")
        return self


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One upgrade that a site takes at `at` (site seconds; None: it is there from the start)."""

    name: str
    at: float | None = None
    version: str = ""
    fields: tuple[FieldChange, ...] = ()
    drop: tuple[str, ...] = ()
    add: Mapping[str, tuple[str, ...] | None] = field(default_factory=lambda: MappingProxyType({}))
    """Type → its interactions; None for the vendor's default."""
    deprecate: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    """Type → when it is dropped; None if nobody says."""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def overrides(self, present: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that this upgrade sets, over the personality's `present` ones."""
        made: dict[str, Any] = dict(self.settings)
        if self.drop or self.add:
            made["interactions"] = {**made.get("interactions", {}), **self._interactions(present["interactions"])}
        if self.version and "release" in present:
            when = {} if self.at is None else {"date": day(self.at)}
            made["release"] = {"version": self.version, **when, **made.get("release", {})}
        return made

    def ends(self) -> list[Upgrade]:
        """What comes of its deprecations: each type that is told to end is dropped then."""
        return [
            Upgrade(f"{self.name}: {kind} ends", until, drop=(kind,))
            for kind, until in self.deprecate.items()
            if until is not None
        ]

    def _interactions(self, told: Mapping[str, Any]) -> dict[str, Any]:
        listed: Any = told["resources"]
        if listed != "all":
            listed = [kind for kind in listed if kind not in self.drop]
            listed += [kind for kind in self.add if kind not in listed]
        default = list(told["default"])
        types = {kind: list(default if names is None else names) for kind, names in self.add.items()}
        return {"resources": listed, "types": {**types, **{kind: [] for kind in self.drop}}}


def known_upgrades(settings: Mapping[str, Any], owner: str) -> dict[str, Upgrade]:
    """The upgrades of a personality, by name; raises ConfigError for everything that is wrong with any of them."""
    found = {}
    for name, told in settings["upgrades"].items():
        section = validate(UpgradeSection, Document(f"{owner}: upgrades.{name}", _plain(told)))
        ends = section.endpoints
        found[str(name)] = Upgrade(
            str(name),
            section.at,
            section.version,
            tuple(one.change() for one in section.fields),
            tuple(ends.drop),
            MappingProxyType({kind: None if to is None else tuple(to) for kind, to in ends.add.items()}),
            MappingProxyType(dict(ends.deprecate)),
            MappingProxyType(dict(section.settings)),
        )
    return found


def taken_upgrades(settings: Mapping[str, Any], owner: str, asked: Any = None) -> list[Upgrade]:
    """The upgrades that a site takes, those of the start first, then by date.

    `asked` stands for the setting `upgrade` where it is given: a name, a list of names, or name → date. Raises
    UnknownName for one that the personality does not have, ConfigError for what is none.
    """
    known = known_upgrades(settings, owner)
    taken = []
    for name, at in _asked(settings.get("upgrade") if asked in (None, "", [], {}) else asked).items():
        if name not in known:
            raise UnknownName("upgrade", name, known)
        one = known[name]
        taken.append(one if at is _ITS_OWN else _dated(one, at))
    return sorted(taken, key=lambda one: float("-inf") if one.at is None else one.at)


def _asked(wanted: Any) -> dict[str, Any]:
    if not wanted:
        return {}
    if isinstance(wanted, str):
        return {wanted: _ITS_OWN}
    if isinstance(wanted, (list, tuple)) and all(isinstance(name, str) for name in wanted):
        return dict.fromkeys(wanted, _ITS_OWN)
    if isinstance(wanted, Mapping):
        return {str(name): at for name, at in wanted.items()}
    raise ConfigError(
        f"upgrade: {wanted!r} names no upgrade.",
        remedy="Write a name such as 2026-Q3, a list of names, or {2026-Q3: 2026-02-01}.",
    )


def _dated(upgrade: Upgrade, at: Any) -> Upgrade:
    try:
        when = None if at is None else moment_of(at)
    except ValueError as error:
        raise ConfigError(f"upgrade: {upgrade.name}: {error}.") from error
    return replace(upgrade, at=when)


def _plain(node: Any) -> Any:
    """Settings without the days and moments that a YAML reader made of texts."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(item) for item in node]
    return node.isoformat() if isinstance(node, date) else node
