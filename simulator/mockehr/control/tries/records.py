"""What a corruption does to a record: as it is, and as the site shows it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mockehr.control.tries.visit import text_of
from mockehr.core.exchange import JSON
from mockehr.fhir.lossless import encode
from mockehr.sites.charts import Charts
from mockehr.sites.site import Site


def compare_records(site: Site, plain: Site) -> tuple[str, list[str], list[str]]:
    """`Type/id` of the first record that is not shown as it is, its true lines, and those that are shown.

    A record that is shown besides (a second entry) has no true lines. Where all that is shown is true, but unusual,
    the same record of the plain site stands before it. An empty key: there is no difference.
    """
    charts, others = site.charts, plain.charts
    assert charts is not None
    assert others is not None
    for key, clean, dirty in chain(_records(charts), _seconds(charts), _beside(charts, others)):
        before, now = _lines(clean), _lines(dirty)
        if before != now:
            return key, before, now
    return "", [], []


def _records(charts: Charts) -> Iterator[tuple[str, JSON | None, JSON | None]]:
    for index in range(charts.population.size):
        true, shown, corrupted = charts.compared(index)
        originals = {_key(one): one for one in true}
        present = {_key(one): one for one in shown}
        for key in corrupted:
            yield key, originals.get(key), present.get(key)


def _beside(charts: Charts, plain: Charts) -> Iterator[tuple[str, JSON | None, JSON | None]]:
    """True records that the plain site has otherwise, or has not."""
    for index in range(charts.population.size):
        usual = {_key(one): one for one, _ in plain.dress(index, dirty=True)}
        for resource, _ in charts.dress(index, dirty=True):
            if usual.get(_key(resource)) != resource:
                yield f"{_key(resource)}, beside a site without it", usual.get(_key(resource)), resource


def _seconds(charts: Charts) -> Iterator[tuple[str, JSON | None, JSON | None]]:
    """Second records, beside those of the same persons."""
    for second, survivor in charts.survivors():
        (true, _), (shown, _) = (
            charts.dress(index, dirty=True, patient_only=True)[0] for index in (survivor, second)
        )
        yield f"{_key(shown)}, the same person as {_key(true)}", true, shown


def _key(resource: JSON) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _lines(resource: JSON | None) -> list[str]:
    return [] if resource is None else text_of(encode(resource))
