"""The upgrades of one site: what was taken, what is to come, and what that does to its answers.

An upgrade takes effect between two exchanges, with the first one at or after its time on the site's clock; nothing is
restarted, and open paging sessions go on. Where nothing is to come, no exchange is looked at for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.changes import Change
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.pipeline import Stage
from mockehr.fhir.record import Record, encode
from mockehr.personalities.dates import http_date
from mockehr.personalities.fields import FieldChange, FieldChanges
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Personality
from mockehr.sites.subscriber import disclosed, disclosing
from mockehr.sites.vendor import change_vendor

if TYPE_CHECKING:
    from mockehr.personalities.upgrades import Upgrade
    from mockehr.sites.site import Site

KEPT: Final = 4096
"""Records whose new form is kept."""
NOTE: Final = "upgraded"
"""The note of the first entry on a new release: the names of the upgrades that were taken with it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A type that is about to go: since when that is told, and when it goes (None: nobody says)."""

    since: float
    until: float | None

    def headers(self) -> list[tuple[str, str]]:
        """`Deprecation` (RFC 9745 section 2.1) and `Sunset` (RFC 8594 section 3)."""
        told = [("Deprecation", f"@{int(self.since)}")]
        return told if self.until is None else [*told, ("Sunset", http_date(self.until))]

    def text(self) -> str:
        """The same for the CapabilityStatement."""
        end = "" if self.until is None else f", gone from {http_date(self.until)}"
        return f"Deprecated since {http_date(self.since)}{end}."


class Shown:
    """Records as one release shows them: the very same where it changes nothing. Made once for each record."""

    __slots__ = ("_changes", "_seen")

    def __init__(self, changes: FieldChanges) -> None:
        self._changes = changes
        self._seen: dict[int, tuple[Record, Record]] = {}

    def __call__(self, record: Record) -> Record:
        """The record as it goes out."""
        if record.resource_type not in self._changes.types and record.resource_type != "Bundle":
            return record
        found = self._seen.get(id(record))
        if found is not None and found[0] is record:
            return found[1]
        document = self._changes.outgoing(record.document)
        made = record if document is record.document else _with_document(record, document)
        if len(self._seen) >= KEPT:
            self._seen.clear()
        self._seen[id(record)] = (record, made)
        return made


class Upgrades:
    """What a site's options and its personality say of upgrades; made before the site's other parts.

    Raises UnknownName for an upgrade that the personality does not have, ConfigError for what is wrong with one.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self.taken: list[str] = []
        """Names of the upgrades so far, in their order."""
        self.to_come: list[Upgrade] = []
        """What the site will take, the next one first; the end of a deprecated type is among them."""
        self.due = inf
        """When the next one is due, in site seconds."""
        self.version = ""
        """What the software says of its release; empty for what it says without any upgrade."""
        self.notices: dict[str, Notice] = {}
        """By type that is about to go."""
        self.changes = FieldChanges()
        self._fields: tuple[FieldChange, ...] = ()
        self._overrides: dict[str, Any] = {}
        wanted, told = site.options.upgrade, site.personality.settings
        if wanted or told["upgrade"] or "upgrades" in site.options.settings:
            # Imported here because most sites are on no train, and the models of the section are heavy to load.
            from mockehr.personalities.upgrades import taken_upgrades

            self.to_come = taken_upgrades(told, site.personality.name, wanted)
            for later in self.to_come:
                self._with(site.personality, later)  # so that what is wrong with it is told now
            self._overrides = {}
            site.personality = self._take(site.clock.now()) or site.personality

    def opened(self, open_entry: Stage) -> Stage:
        """The stage `open_entry` of a channel, which takes what is due; the very same if nothing is to come."""
        if not self.to_come:
            return open_entry

        def open_and_upgrade(exchange: Exchange) -> None:
            open_entry(exchange)
            if exchange.at >= self.due:
                self._go_on(exchange)

        return open_and_upgrade

    def bring_forward(self, name: str) -> None:
        """Let an upgrade to come be due now, with those before it; raises UnknownName if it is not to come."""
        names = [one.name for one in self.to_come]
        if name not in names:
            raise UnknownName("upgrade to come", name, names)
        now = self._site.clock.now()
        last = names.index(name)
        self.to_come[: last + 1] = [replace(one, at=min(_time(one), now)) for one in self.to_come[: last + 1]]
        self._go_on(None)

    def furnish(self) -> None:
        """Let the site's server show and take resources as this release has them."""
        if self.changes.types:
            self._site.fhir.shown = disclosing(Shown(self.changes))
            self._site.fhir.taken = self.changes.incoming

    def told(self, change: Change) -> Change:
        """A change as the receivers of webhooks are told of it: with the resource as the present release shows it."""
        if self.due <= change.at:
            self._go_on(None)
        document = self.changes.outgoing(disclosed(change.document))
        return change if document is change.document else replace(change, document=document)

    def _go_on(self, exchange: Exchange | None) -> None:
        """Take what is due, and note it in the entry that is the first on the new release."""
        before, site = len(self.taken), self._site
        vendor = self._take(site.clock.now() if exchange is None else exchange.at)
        if vendor is not None:
            change_vendor(site, vendor)
        self.furnish()
        if exchange is not None:
            exchange.notes[NOTE] = self.taken[before:]

    def _take(self, now: float) -> Personality | None:
        """Take what is due by then; returns the personality with its settings, or None if they stay."""
        vendor: Personality | None = None
        while self.to_come and _time(self.to_come[0]) <= now:
            upgrade = self.to_come.pop(0)
            vendor = self._with(vendor or self._site.personality, upgrade) or vendor
            self._adopt(upgrade, now if upgrade.at is None else upgrade.at)
        self.due = _time(self.to_come[0]) if self.to_come else inf
        return vendor

    def _with(self, vendor: Personality, upgrade: Upgrade) -> Personality | None:
        overrides = upgrade.overrides(vendor.settings)
        if not overrides:
            return None
        self._overrides = _over(self._overrides, overrides)
        return load_personality(self._site.options.personality, self._overrides, self._site.facts)

    def _adopt(self, upgrade: Upgrade, since: float) -> None:
        self.taken.append(upgrade.name)
        self.version = upgrade.version or self.version
        self._fields += upgrade.fields
        self.changes = FieldChanges(self._fields)
        for kind in upgrade.drop:
            self.notices.pop(kind, None)
        self.notices |= {kind: Notice(since, until) for kind, until in upgrade.deprecate.items()}
        self.to_come = sorted([*self.to_come, *upgrade.ends()], key=_time)


def _time(upgrade: Upgrade) -> float:
    """When it is due: one without a time was due before everything."""
    return -inf if upgrade.at is None else upgrade.at


def _with_document(record: Record, document: JSON) -> Record:
    # As with charts: a copy of exact size is a third of what the encoder keeps.
    return replace(record, document=document, body=bytes(memoryview(encode(document))))


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `own` laid over it, mapping by mapping."""
    made = dict(base)
    for key, value in own.items():
        present = made.get(key)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        made[key] = _over(present, value) if both else value  # type: ignore[arg-type]
    return made
