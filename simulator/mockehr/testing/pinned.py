"""Contracts in pytest: a site, or any FHIR server, against what it was when it was pinned."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mockehr.core.errors import VerdictFailed
from mockehr.recording.contract.drift import Drift, Severity, at_least, drift
from mockehr.recording.contract.pin import Pin, load_pin, save_pin
from mockehr.recording.contract.report import as_text
from mockehr.recording.contract.taking import MOST, take_pin
from mockehr.sites.visitor import Visitor

if TYPE_CHECKING:
    from mockehr.testing.site import TestSite


def pin_site(site: TestSite, *, patients: Iterable[str] = (), like: Pin | None = None, most: int = MOST) -> Pin:
    """The contract with a site of this test as it is now; asks in memory, in the name of the client `contract`.

    About the first five patients unless `patients` are named.
    """

    def take() -> Pin:
        visitor = Visitor(site.site, site.fhir_url.removesuffix(site.site.fhir_path.rstrip("/")), client="contract")
        charts = site.site.charts
        first = [] if charts is None else [charts.patient_id(n) for n in range(min(5, charts.size))]
        whom = list(patients) or first
        return take_pin(visitor.ask, source=site.name, base=visitor.base, patients=whom, like=like, most=most)

    return site._call(take)  # type: ignore[no-any-return]


def assert_contract(
    pin: Pin | Path | str,
    site: TestSite,
    *,
    fail_on: Severity = "breaking",
    ignore: Iterable[str] = (),
    most: int = MOST,
) -> list[Drift]:
    """Raise VerdictFailed unless the site still is as it was pinned; answers what has changed and is milder.

    `pin` is a Pin or the path of a file; a file that does not exist yet is written, and nothing has changed then.
    """
    if not isinstance(pin, Pin):
        path = Path(pin)
        if not path.exists():
            save_pin(pin_site(site, most=most), path)
            return []
        pin = load_pin(path)
    new = pin_site(site, like=pin, most=most)
    found = drift(pin, new, ignore)
    if at_least(found, fail_on):
        raise VerdictFailed(
            f"The contract with {pin.source} does not hold.\n{as_text(pin, new, found, fail_on)}",
            remedy="Look at each change; pin again what you accept, or leave it out with `ignore`.",
        )
    return found
