"""One person, one record: finding persons that a client joined and should not have, or kept apart after a merge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockehr.core.exchange import JSON


@dataclass(frozen=True, slots=True)
class Merge:
    """Two persons in one record (`wrongly_merged`), or one person still in two (`unmerged`)."""

    key: str
    other: str
    why: str


def unmerged(held: Mapping[str, list[JSON]], aliases: Mapping[str, str]) -> Iterator[Merge]:
    """Persons that were merged and still stand on their own in the client's records."""
    for old, survivor in aliases.items():
        if any(_active(resource) for resource in held.get(old, [])):
            why = "both are active" if survivor in held else "the survivor is not there"
            yield Merge(old, survivor, f"{old} was merged into {survivor}; {why}")


def _active(resource: JSON) -> bool:
    links = resource.get("link")
    replaced = isinstance(links, list) and any(
        isinstance(link, dict) and link.get("type") == "replaced-by" for link in links
    )
    if replaced:  # a half-done merge says both; a person that is said to be active is one
        return resource.get("active") is True
    return resource.get("active") is not False


def wrongly_merged(
    expected: Mapping[str, JSON], held: Mapping[str, list[JSON]], aliases: Mapping[str, str]
) -> Iterator[Merge]:
    """Persons whose identifiers or records the client holds under another person."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key, resource in expected.items():
        for identifier in _identifiers(resource):
            owners[identifier].add(aliases.get(key, key))
    told: set[tuple[str, str]] = set()
    for key, records in held.items():
        own = aliases.get(key, key)
        for identifier in (identifier for record in records for identifier in _identifiers(record)):
            for other in owners.get(identifier, set()) if len(owners.get(identifier, ())) == 1 else ():
                if other != own and own in expected and (own, other) not in told:
                    told.add((own, other))
                    yield Merge(own, other, f"{key} carries identifier {identifier[1]} of {other}")
    for key, clean in expected.items():
        subject, now = _subject(clean, aliases), [_subject(record, aliases) for record in held.get(key, [])]
        for other in now:
            gone = not any(_active(record) for record in held.get(subject, []))
            if subject != other and {subject, other} <= set(expected) and gone and (other, subject) not in told:
                told.add((other, subject))
                yield Merge(other, subject, f"{subject} is gone and its {key} hangs on {other}")


def _identifiers(resource: Any) -> Iterator[tuple[str, str]]:
    """(system, value) of a Patient's identifiers."""
    if isinstance(resource, dict) and resource.get("resourceType") == "Patient":
        found = resource.get("identifier")
        for identifier in found if isinstance(found, list) else []:
            if isinstance(identifier, dict) and identifier.get("value"):
                yield str(identifier.get("system", "")), str(identifier["value"])


def _subject(resource: Any, aliases: Mapping[str, str]) -> str:
    """The person a record is about, as `Patient/id` of the survivor; empty if it names none."""
    for name in ("subject", "patient", "beneficiary"):
        reference = resource.get(name) if isinstance(resource, dict) else None
        if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
            return aliases.get(reference["reference"], reference["reference"])
    return ""
