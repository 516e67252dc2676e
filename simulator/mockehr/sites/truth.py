"""Comparing what a client ended up with against what is true, record by record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.sites.damage import damage, fairly_read, same_text
from mockehr.sites.identity import Merge, unmerged, wrongly_merged

VOLATILE: Final = ("meta.versionId", "meta.lastUpdated", "text")
"""Elements of a resource that differ between equal records: bookkeeping, and narrative made from the rest."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A record that the client holds more than once. `others` are keys that it also goes by."""

    key: str
    times: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alteration:
    """One element that differs. Absent elements are None. `damage` names an encoding mistake, if that explains it.

    `corruption` names what the site itself did to this record before the client saw it.
    """

    key: str
    path: str
    expected: Any
    got: Any
    damage: str = ""
    corruption: str = ""


@dataclass(frozen=True, slots=True)
class TruthReport:
    """How the client's records differ from the truth. Lists are in the order of the truth, then of the client."""

    expected: int
    given: int
    lost: tuple[str, ...] = ()
    duplicated: tuple[Duplicate, ...] = ()
    foreign: tuple[str, ...] = ()
    """Records that are not in the truth at all."""
    altered: tuple[Alteration, ...] = ()
    misdecoded: tuple[Alteration, ...] = ()
    wrongly_merged: tuple[Merge, ...] = ()
    unmerged: tuple[Merge, ...] = ()
    inherited: tuple[Alteration, ...] = ()
    """Differences that the site made and the client kept as served: shown, not held against the client."""

    @property
    def ok(self) -> bool:
        """True if nothing is held against the client."""
        return not any(self.findings().values())

    def findings(self) -> dict[str, Sequence[Any]]:
        """What is held against the client, by name, empty ones included."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "altered": self.altered,
            "misdecoded": self.misdecoded,
            "wrongly merged": self.wrongly_merged,
            "unmerged": self.unmerged,
            "foreign": self.foreign,
        }

    def as_json(self) -> JSON:
        """The whole report as plain JSON."""
        return {"ok": self.ok, **asdict(self)}

    def examples(self, first: int = 3) -> dict[str, list[str]]:
        """The first few differences of each kind that there is, as text for people."""
        kinds = {**self.findings(), "inherited from the site": self.inherited}
        return {name: [_line(item) for item in found[:first]] for name, found in kinds.items() if found}

    def text(self, first: int = 5) -> str:
        """The report for people: counts, and the first few of each kind."""
        lines = [f"{self.expected} records expected, {self.given} given: {'the same' if self.ok else 'not the same'}"]
        for name, found in {**self.findings(), "inherited from the site": self.inherited}.items():
            if found:
                lines.append(f"{name}: {len(found)}")
                lines += [f"  {_line(item)}" for item in found[:first]]
                lines += [f"  and {len(found) - first} more"] if len(found) > first else []
        return "\n".join(lines)


def compare(
    expected: Mapping[str, JSON],
    given: Iterable[JSON],
    *,
    corrupted: Mapping[str, str] = _NOTHING,
    aliases: Mapping[str, str] = _NOTHING,
    served: Mapping[str, JSON] = _NOTHING,
    repair: Collection[str] = (),
    ignore: Sequence[str] = VOLATILE,
) -> TruthReport:
    """Compare a client's records with the truth.

    `expected` maps `Type/id` to the clean resource. `corrupted` maps a key to the name of what the site did to it;
    `served` optionally has that record as the client was given it, so that keeping it faithfully is told from
    altering it. Without it every difference of a corrupted record counts as inherited, except encoding damage, which
    a client can undo. `repair` are keys of corrupted records that may not be kept as served. A corrupted record that
    is not in the truth is one that the site shows twice: it may be kept, unless it is to be repaired. `aliases` maps
    a merged person to the survivor, both as `Patient/id`. `ignore` lists top-level paths (one or two steps) to leave
    out.
    """
    held: dict[str, list[JSON]] = defaultdict(list)
    for resource in given:
        held[_key(resource)].append(resource)
    doubles = {key for key in corrupted if key not in expected and key not in repair}
    strange = held.keys() - expected.keys() - aliases.keys() - doubles
    unknown = {key: found for key, found in held.items() if key in strange}
    renamed = _same_content(expected, unknown, ignore)
    differences = [
        _judged(item, corrupted.get(key, ""), served.get(key), key in repair)
        for key, clean in expected.items()
        for resource in held.get(key, [])[:1]
        if key not in aliases
        for item in _difference(key, _stable(clean, ignore, aliases), _stable(resource, ignore, aliases))
    ]
    own = [item for item, inherited in differences if not inherited]
    return TruthReport(
        expected=len(expected),
        given=sum(len(found) for found in held.values()),
        lost=tuple(key for key in expected if key not in held and key not in aliases),
        duplicated=tuple(_duplicated(held, renamed)),
        foreign=tuple(key for key in unknown if key not in renamed),
        altered=tuple(item for item in own if not item.damage),
        misdecoded=tuple(item for item in own if item.damage),
        wrongly_merged=tuple(wrongly_merged(expected, held, aliases)),
        unmerged=tuple(unmerged(held, aliases)),
        inherited=tuple(item for item, inherited in differences if inherited),
    )


def _key(resource: Any) -> str:
    if not isinstance(resource, dict):
        return "(no resource)"
    return f"{resource.get('resourceType', '(no type)')}/{resource.get('id', '(no id)')}"


def _stable(resource: JSON, ignore: Sequence[str], aliases: Mapping[str, str]) -> JSON:
    """The resource without what is to be left out, and with references to merged persons led to the survivor."""
    kept = dict(resource)
    for path in ignore:
        outer, _, inner = path.partition(".")
        if not inner:
            kept.pop(outer, None)
        elif isinstance(kept.get(outer), dict):
            rest = {name: value for name, value in kept[outer].items() if name != inner}
            kept[outer] = rest
            if not rest:
                del kept[outer]
    led: JSON = _led(kept, aliases) if aliases else kept
    return led


def _led(node: Any, aliases: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        led = {name: _led(value, aliases) for name, value in node.items()}
        if isinstance(led.get("reference"), str):
            led["reference"] = aliases.get(led["reference"], led["reference"])
        return led
    return [_led(item, aliases) for item in node] if isinstance(node, list) else node


def _difference(key: str, expected: Any, got: Any, path: str = "") -> Iterator[Alteration]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in [*expected, *(name for name in got if name not in expected)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from _difference(key, expected.get(name), got.get(name), inner)
    elif isinstance(expected, list) and isinstance(got, list):
        for position in range(max(len(expected), len(got))):
            left = expected[position] if position < len(expected) else None
            right = got[position] if position < len(got) else None
            yield from _difference(key, left, right, f"{path}[{position}]")
    elif isinstance(expected, str) and isinstance(got, str):
        if not same_text(expected, got):
            yield Alteration(key, path, expected, got, damage(expected, got))
    elif isinstance(expected, bool) is not isinstance(got, bool) or expected != got:
        yield Alteration(key, path, expected, got)


def _judged(item: Alteration, corruption: str, served: JSON | None, repair: bool) -> tuple[Alteration, bool]:
    """The alteration with the corruption's name, and whether the client merely kept what the site served, and may."""
    named = Alteration(item.key, item.path, item.expected, item.got, item.damage, corruption)
    if not corruption or repair:
        return named, False
    if served is None:
        return named, not item.damage
    shown = _at(served, item.path)
    return named, item.got == (fairly_read(shown) if isinstance(shown, str) else shown)


def _at(resource: JSON, path: str) -> Any:
    """The value at a path as `_difference` writes it; None if there is none."""
    node: Any = resource
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            position = int(step[1:-1])
            node = node[position] if isinstance(node, list) and position < len(node) else None
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node


def _duplicated(held: Mapping[str, list[JSON]], renamed: Mapping[str, str]) -> Iterator[Duplicate]:
    others: dict[str, list[str]] = defaultdict(list)
    for key, original in renamed.items():
        others[original].append(key)
    for key in [*held, *(key for key in others if key not in held)]:
        times = len(held.get(key, [])) + sum(len(held[other]) for other in others.get(key, []))
        if times > 1 and key not in renamed:
            yield Duplicate(key, times, tuple(others.get(key, ())))


def _same_content(
    expected: Mapping[str, JSON], unknown: Mapping[str, list[JSON]], ignore: Sequence[str]
) -> dict[str, str]:
    """Unknown keys whose content is that of an expected record, mapped to it: the same record under another id."""
    if not unknown:
        return {}
    contents = {_content(resource, ignore): key for key, resource in expected.items()}
    found = {key: contents.get(_content(records[0], ignore), "") for key, records in unknown.items()}
    return {key: original for key, original in found.items() if original}


def _content(resource: Any, ignore: Sequence[str]) -> str:
    if not isinstance(resource, dict):
        return ""
    return repr(_sorted({**_stable(resource, ignore, _NOTHING), "id": None}))


def _sorted(node: Any) -> Any:
    if isinstance(node, dict):
        return sorted((name, _sorted(value)) for name, value in node.items() if name != "meta")
    return [_sorted(item) for item in node] if isinstance(node, list) else node


def _line(item: Any) -> str:
    if isinstance(item, Alteration):
        because = [item.damage] if item.damage else []
        because += [f"corrupted: {item.corruption}"] if item.corruption else []
        shown = f"{item.key} {item.path}: expected {_short(item.expected)}, got {_short(item.got)}"
        return f"{shown} ({'; '.join(because)})" if because else shown
    if isinstance(item, Duplicate):
        return f"{item.key}: {item.times} times" + (f", also as {', '.join(item.others)}" if item.others else "")
    return item.why if isinstance(item, Merge) else str(item)


def _short(value: Any) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
