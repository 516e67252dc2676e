"""Named snapshots of what was written at a site. Records are never changed in place, so this is cheap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mockehr.core.changes import Change
from mockehr.core.errors import UnknownName
from mockehr.fhir.store import Kept
from mockehr.sites.site import Site


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was written until then: the store's overlay, and those changes that led to it of which the site told."""

    kept: Kept
    changes: tuple[Change, ...]


class Snapshots:
    """The snapshots of one site, by name."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._taken: dict[str, Snapshot] = {}

    def take(self, name: str) -> int:
        """Keep the present state under `name`, replacing what was kept there; returns the number of changes."""
        kept = self._site.store.keep()
        self._taken[name] = Snapshot(kept, tuple(self._site.log.changes))
        return len(kept.versions)

    def restore(self, name: str) -> int:
        """Go back to that state; paging sessions, exports and imports end. Journal, tokens and clock go on.

        Raises UnknownName.
        """
        found = self._taken.get(name)
        if found is None:
            raise UnknownName("snapshot", name, self._taken)
        self._site.store.return_to(found.kept)
        self._site.log.clear()
        self._site.log.changes += found.changes
        self._site.log.go_on_after(len(found.kept.versions))
        self._site.outbox.go_back()
        self._site.subscriptions.rebuild()
        self._site.fhir.pages.clear()
        self._site.bulk.end_all()
        self._site.imports.end_all()
        self._site.fhir.idempotency.clear()  # what they were answered with may never have been written now
        return len(found.kept.versions)

    def kept(self) -> Mapping[str, Snapshot]:
        """All of them, to be handed to another process that is the same site."""
        return dict(self._taken)

    def adopt(self, kept: Mapping[str, Snapshot]) -> None:
        """Have exactly those."""
        self._taken = dict(kept)

    def names(self) -> list[str]:
        """Names of all snapshots, sorted."""
        return sorted(self._taken)
