"""What dressing a resource needs to know of its surroundings: ids, references, neighbours, stable draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mockehr.core.chance import Stream
from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.personalities.ids import IdCodec, place_of


class Surroundings(Protocol):
    """A vendor's own view of a dresser; `tables` is its setting `shape.tables`."""

    def __init__(self, dresser: Dresser, tables: Mapping[str, Any]) -> None: ...


View = TypeVar("View", bound=Surroundings)


@dataclass(frozen=True)
class SiteFacts:
    """What a site gives its personality.

    `key` is `Chance.key` of the site. `tenant` is the tenant's name in the URL; empty to derive one from the key.
    `settings` override those of `personality.yaml`, key by key.
    """

    name: str
    key: Callable[..., bytes]
    base_url_path: str = ""
    tenant: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = ""
    """Absolute URL of the FHIR base, for vendors that write absolute links into resources; empty: relative ones."""


def _nothing(reference: str) -> JSON | None:
    return None


def _undated(resource: JSON) -> str | float:
    return ""


class Dresser:
    """The surroundings of the resources of one chart (or of the site's directory).

    `flavour` is set by the personality that dresses; ids of neighbours are computed with it and kept. `version` and
    `last_updated` of the resource being dressed may be set with `at`; without them the clean resource's own meta or
    its recording date counts.
    """

    __slots__ = (
        "_by_type",
        "_directory",
        "_known",
        "_recorded",
        "_references",
        "facts",
        "flavour",
        "ids",
        "last_updated",
        "look",
        "version",
    )

    def __init__(
        self,
        ids: IdCodec,
        facts: SiteFacts,
        *,
        chart: Mapping[str, JSON] | None = None,
        directory: Callable[[str], JSON | None] = _nothing,
        recorded: Callable[[JSON], str | float] = _undated,
        version: str = "",
        last_updated: str = "",
    ) -> None:
        self.ids = ids
        self.facts = facts
        self.look: Any = None
        """Kept by the personality that dresses: what it made of these surroundings."""
        self.version = version
        self.last_updated = last_updated
        self.flavour: Callable[[JSON], str] = lambda resource: ""
        self._known = chart if chart is not None else {}
        self._directory = directory
        self._recorded = recorded
        self._references: dict[str, str] = {}
        self._by_type: dict[str, list[JSON]] = {}

    @classmethod
    def over(
        cls,
        resources: Iterable[JSON],
        *,
        ids: IdCodec,
        facts: SiteFacts,
        recorded: Callable[[JSON], str | float] | None = None,
        directory: Callable[[str], JSON | None] | None = None,
    ) -> Dresser:
        """A dresser for these clean resources.

        `recorded` says when a clean resource was recorded (seconds since 1970, or a FHIR date or dateTime; empty if
        unknown); `directory` finds clean resources outside of the chart by `Type/id`.
        """
        chart = {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}
        return cls(ids, facts, chart=chart, directory=directory or _nothing, recorded=recorded or _undated)

    def at(self, version: str, last_updated: str) -> Dresser:
        """The same surroundings for a resource of that version and time."""
        other = Dresser(
            self.ids,
            self.facts,
            chart=self._known,
            directory=self._directory,
            recorded=self._recorded,
            version=version,
            last_updated=last_updated,
        )
        other.flavour = self.flavour
        other.look = None
        other._references = self._references
        other._by_type = self._by_type
        return other

    def seen_as(self, view: type[View], tables: Mapping[str, Any]) -> View:
        """A vendor's own view of these surroundings, made once."""
        found = self.look
        if not isinstance(found, view):
            found = self.look = view(self, tables)
        return found

    def neighbour(self, reference: str) -> JSON | None:
        """The clean resource behind a clean reference (`Type/id`), if it is known here."""
        found = self._known.get(reference)
        return found if found is not None else self._directory(reference)

    def all_of(self, resource_type: str) -> list[JSON]:
        """The clean resources of a type in this chart."""
        if not self._by_type:
            for key, resource in self._known.items():
                self._by_type.setdefault(key.partition("/")[0], []).append(resource)
        return self._by_type.get(resource_type, [])

    def refer(self, reference: str, resource_type_hint: str = "") -> str:
        """The vendor's form of a clean reference; what is no clean relative reference stays as it is."""
        done = self._references.get(reference)
        if done is None:
            done = self._references[reference] = self._refer(reference, resource_type_hint)
        return done

    def id_of(self, resource: JSON, flavour: str | None = None) -> str:
        """The vendor's id of a clean resource; ids that are no clean ids stay as they are."""
        place = place_of(str(resource.get("id", "")))
        if place is None:
            return str(resource.get("id", ""))
        kind = resource["resourceType"]
        return self.ids.encode(kind, *place, self.flavour(resource) if flavour is None else flavour)

    def recorded(self, resource: JSON) -> str:
        """When a clean resource was last recorded: told, in its meta, or its own dates; empty if nothing says."""
        told = self.last_updated or resource.get("meta", {}).get("lastUpdated") or self._recorded(resource)
        return instant(told) if isinstance(told, (int, float)) else str(told or newest_date(resource))

    def stream(self, *names: str | int) -> Stream:
        """Stable draws under the site's key and these names."""
        return Stream(self.facts.key("dress", *names))

    def _refer(self, reference: str, hint: str) -> str:
        kind, slash, id = reference.partition("/")
        if not slash:
            kind, id = hint, reference
        place = place_of(id)
        if place is None or not kind:
            return reference
        known = self.neighbour(f"{kind}/{id}")
        flavour = self.flavour(known) if known is not None else ""
        return f"{kind}/{self.ids.encode(kind, *place, flavour)}"


_DATES = (
    "recordedDate",
    "issued",
    "authoredOn",
    "date",
    "effectiveDateTime",
    "performedDateTime",
    "occurrenceDateTime",
    "onsetDateTime",
    "created",
    "recorded",
    "start",
)


def newest_date(resource: JSON) -> str:
    """The first date that a resource says of itself, in the order of how close it is to its recording."""
    for name in _DATES:
        value = resource.get(name)
        if isinstance(value, str):
            return value
    for name in ("period", "effectivePeriod", "performedPeriod"):
        value = resource.get(name)
        if isinstance(value, dict):
            return str(value.get("end") or value.get("start") or "")
    return ""
