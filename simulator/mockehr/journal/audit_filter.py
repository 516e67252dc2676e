"""Which accesses of the audit trail are meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mockehr.journal.audit import Access


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which accesses are meant; an empty field asks for nothing. `since` and `until` are site seconds, both included.

    `resource` is a type or one resource as `Type/id`.
    """

    patient: str = ""
    resource: str = ""
    client: str = ""
    user: str = ""
    what: str = ""
    channel: str = ""
    outcome: str = ""
    since: float | None = None
    until: float | None = None

    def matches(self, access: Access) -> bool:
        """Whether the access is one of these."""
        equal: tuple[tuple[Any, Any], ...] = (
            (self.client, access.client),
            (self.user, access.user),
            (self.what, access.what),
            (self.channel, access.channel),
            (self.outcome, access.outcome),
        )
        return (
            all(not wanted or wanted == got for wanted, got in equal)
            and (not self.patient or self.patient in access.patients)
            and (not self.resource or access.concerns(self.resource))
            and (self.since is None or access.at >= self.since)
            and (self.until is None or access.at <= self.until)
        )

    def without(self, *names: str) -> AccessFilter:
        """The same with those fields empty."""
        empty = AccessFilter()
        return replace(self, **{name: getattr(empty, name) for name in names})
