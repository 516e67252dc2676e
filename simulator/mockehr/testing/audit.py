"""The audit trail as a test sees it: what was accessed, and that something was or was not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.errors import VerdictFailed
from mockehr.journal.audit import Access
from mockehr.journal.audit_filter import AccessFilter
from mockehr.journal.export import audit_event
from mockehr.sites.site import Site

SHOWN: Final = 5
"""Accesses that an error names."""
Call = Callable[..., Any]
"""Runs a function where the site lives: `(function, *arguments)`."""


class AuditTrail:
    """Everything that was accessed at one site, over whatever channel.

    All methods take the fields of `mockehr.journal.audit_filter.AccessFilter` by name: `patient` (an id), `resource`
    (a type or `Type/id`), `client`, `user`, `what` (`read`, `search`, `message-in` …), `channel`, `outcome`, `since`
    and `until` (site seconds).
    """

    def __init__(self, site: Site, call: Call) -> None:
        self._site = site
        self._call = call

    def accesses(self, **wanted: Any) -> list[Access]:
        """All that fit, in order of arrival."""
        __tracebackhide__ = True
        found: list[Access] = self._call(self._site.audit.accesses, AccessFilter(**wanted))
        return found

    def events(self, **wanted: Any) -> list[dict[str, Any]]:
        """The same as FHIR AuditEvents."""
        __tracebackhide__ = True
        return [audit_event(access, self._site.name) for access in self.accesses(**wanted)]

    def assert_accessed(self, *, times: int | None = None, **wanted: Any) -> list[Access]:
        """What fits; raises VerdictFailed if nothing does, or not just so many `times`, naming what comes nearest."""
        __tracebackhide__ = True
        found = self.accesses(**wanted)
        if len(found) == times or (found and times is None):
            return found
        count = "at all" if times is None else f"{times} times"
        if found:
            raise VerdictFailed(
                f"{_told(wanted)} was accessed {len(found)} times at {self._site.name}, {count} was wanted.",
                nearest=_listed(found),
                remedy="site.audit.accesses() tells of everything that was accessed.",
            )
        raise VerdictFailed(
            f"{_told(wanted)} was never accessed at {self._site.name}; it should have been, {count}.",
            nearest=self._nearest(wanted),
            remedy="Look at site.audit.accesses(), and at the outcome: what was refused is an access, too.",
        )

    def assert_not_accessed(self, **wanted: Any) -> None:
        """Raises VerdictFailed naming the accesses that fit, if there are any; what was refused is one, too.

        Give `outcome="success"` to let attempts pass that were refused.
        """
        __tracebackhide__ = True
        found = self.accesses(**wanted)
        if found:
            raise VerdictFailed(
                f"{_told(wanted)} was accessed {len(found)} times at {self._site.name}; it should not have been.",
                nearest=_listed(found),
                remedy=f"mockehr journal why {self._site.name} {found[0].entry} tells more of the first.",
            )

    def _nearest(self, wanted: dict[str, Any]) -> str:
        """What fits with one thing asked for less; else the newest."""
        whole = AccessFilter(**wanted)
        for name in reversed(wanted):
            found: Sequence[Access] = self._call(self._site.audit.accesses, whole.without(name))
            if found:
                return f"but for {name}: {_listed(found)}"
        everything: Sequence[Access] = self._call(self._site.audit.accesses)
        return _listed(everything[-SHOWN:]) if everything else "nothing was accessed so far"


def _told(wanted: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in wanted.items()) or "Anything"


def _listed(found: Sequence[Access]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(_line(access) for access in found[:SHOWN]) + more


def _line(access: Access) -> str:
    whose = f" of {', '.join(access.patients[:3])}" if access.patients else ""
    who = f" by {access.client}" if access.client else ""
    ended = access.outcome if access.outcome == "success" else f"{access.outcome} ({access.reason})"
    kind = access.resource_type or access.detail
    return f"entry {access.entry} at {instant(access.at)}: {access.what} {kind}{whose}{who}: {ended}"
