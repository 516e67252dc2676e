"""What has changed between two pins, and how much a client has to mind.

`breaking`: what a client may rely on is gone or is something else. `warning`: what it should look at: a new element
in every record, one that is not everywhere any more, a date written otherwise. `info`: what came in addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.recording.contract.observed import ALWAYS, Kind, parted
from mockehr.recording.contract.pin import Pin

Severity = Literal["breaking", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("breaking", "warning", "info")
SURE: Final = 5
"""From so many records on, what all of them have counts as always there."""
OFTEN: Final = 50
"""Percent of the records from which on the loss of an optional element is worth a look."""
_MILDER: Final[tuple[tuple[str, str, Severity], ...]] = (
    ("statement.software", "changed", "info"),
    ("statement.resources.*.profiles", "removed", "warning"),
    ("statement.resources.*.manners", "*", "warning"),
    ("statement.instantiates", "removed", "warning"),
    ("statement.*", "added", "info"),
    ("smart.*", "added", "info"),
)
"""(where, what happened, severity): the first that fits; what fits none is breaking."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One change. `where` is its place in the pin, by which it can be ignored."""

    severity: Severity
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity:8}  {self.where}: {self.what}"


def drift(old: Pin, new: Pin, ignore: Iterable[str] = ()) -> list[Drift]:
    """Every change, the worst first. `ignore` holds patterns (`*`, `?`) of what is not told: `observed.Goal*`."""
    patterns = tuple(ignore)
    found = [*_tree("statement", old.statement, new.statement), *_smart(old.smart, new.smart)]
    found += _answers(old.answers, new.answers)
    found += [one for name, kind in old.observed.items() for one in _kind(name, kind, new, old.answers)]
    found += [
        Drift("info", f"observed.{name}", f"new: {kind.seen} were seen")
        for name, kind in new.observed.items()
        if name not in old.observed
    ]
    kept = [one for one in found if not any(fnmatchcase(one.where, pattern) for pattern in patterns)]
    return sorted(kept, key=lambda one: (SEVERITIES.index(one.severity), one.where, one.what))


def at_least(found: Iterable[Drift], severity: Severity) -> list[Drift]:
    """Those that are that bad or worse."""
    return [one for one in found if SEVERITIES.index(one.severity) <= SEVERITIES.index(severity)]


# what servers say of themselves


def _tree(where: str, old: Any, new: Any) -> Iterator[Drift]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            here = f"{where}.{name}"
            if name not in new:
                yield from _gone(here, old[name])
            elif name not in old:
                yield _changed(here, "added", f"added{_shown(new[name])}")
            else:
                yield from _tree(here, old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        yield from (_changed(where, "removed", f"{one} was removed") for one in old if one not in new)
        yield from (_changed(where, "added", f"{one} was added") for one in new if one not in old)
    elif old != new:
        yield _changed(where, "changed", f"{old} became {new}")


def _gone(here: str, old: Any) -> Iterator[Drift]:
    """A list that is not there any more lost what it had, item by item, as it does where one is left."""
    if isinstance(old, list):
        yield from (_changed(here, "removed", f"{one} was removed") for one in old)
    else:
        yield _changed(here, "removed", f"removed{_shown(old)}")


def _changed(where: str, how: str, what: str) -> Drift:
    fits = (mild for pattern, kind, mild in _MILDER if fnmatchcase(where, pattern) and fnmatchcase(how, kind))
    return Drift(next(fits, "breaking"), where, what)


def _shown(value: Any) -> str:
    return (
        ""
        if isinstance(value, Mapping) or value == ""
        else f" ({value if isinstance(value, str) else ', '.join(value)})"
    )


def _smart(old: JSON, new: JSON) -> Iterator[Drift]:
    if old and not new:
        yield Drift("breaking", "smart", "there is no smart-configuration any more")
    else:
        yield from _tree("smart", old, new)


def _answers(old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[Drift]:
    for question, before in old.items():
        now = new.get(question, before)
        if before < 400 <= now:
            yield Drift("breaking", f"answers.{question}", f"was answered with {before}, and now with {now}")
        elif before != now:
            yield Drift("info", f"answers.{question}", f"was answered with {before}, and now with {now}")


# what records look like


def _kind(name: str, old: Kind, pin: Pin, answers: Mapping[str, int]) -> Iterator[Drift]:
    new, where = pin.observed.get(name), f"observed.{name}"
    if new is None:
        refused = any(pin.answers.get(q, 0) >= 400 for q in answers if q.split("?")[0].split("/")[0] in name)
        known = old.seen >= SURE and not refused
        yield Drift("warning" if known else "info", where, f"none was seen; there were {old.seen}")
        return
    gone = _topmost(path for path in old.elements if path not in new.elements)
    come = _topmost(path for path in new.elements if path not in old.elements)
    yield from (_lost(name, path, old, new) for path in gone)
    yield from (_come(name, path, new) for path in come)
    for path in old.elements:
        if path in new.elements:
            yield from _element(name, path, old, new)
    yield from _values(name, old, new)


def _topmost(paths: Iterable[str]) -> list[str]:
    """Without what lies below another one of them."""
    kept: list[str] = []
    for path in sorted(paths, key=len):
        if not any(path.startswith((f"{above}.", f"{above}(", f"{above}<")) for above in kept):
            kept.append(path)
    return kept


def _lost(name: str, path: str, old: Kind, new: Kind) -> Drift:
    share = _share(old.elements[path])
    if share == 100 and old.seen >= SURE:
        return Drift("breaking", _place(name, path), f"was in all of {old.seen}, and is in none of {new.seen}")
    worth = share >= OFTEN and new.seen >= SURE
    what = f"was in {share}% of {old.seen}, and is in none of {new.seen}"
    return Drift("warning" if worth else "info", _place(name, path), what)


def _come(name: str, path: str, new: Kind) -> Drift:
    share = _share(new.elements[path])
    required = share == 100 and new.seen >= SURE
    what = f"new, in all of {new.seen}" if share == 100 else f"new, in {share}% of {new.seen}"
    return Drift("warning" if required else "info", _place(name, path), what)


def _element(name: str, path: str, old: Kind, new: Kind) -> Iterator[Drift]:
    (before, was), (now, is_) = (one.elements[path].partition(" ")[::2] for one in (old, new))
    if was != is_:
        widened = set(was.split("|")) & set(is_.split("|"))
        yield Drift("warning" if widened else "breaking", _place(name, path), f"was {was}, and is {is_}")
    if before == ALWAYS != now and old.seen >= SURE and "." in path:
        yield Drift("warning", _place(name, path), f"was in all of {old.seen}, and is in {now} of {new.seen}")


def _values(name: str, old: Kind, new: Kind) -> Iterator[Drift]:
    """Systems, profiles and forms, element by element, of elements that are still there."""
    before, now = _grouped(old.values), _grouped(new.values)
    for path in sorted({*before, *now}):
        both = path in old.elements and path in new.elements
        for sign in "=~" if both else "":
            lost = [one for one in before.get(path, ()) if one[0] == sign and one not in now.get(path, ())]
            come = [one for one in now.get(path, ()) if one[0] == sign and one not in before.get(path, ())]
            if lost or come:
                always = any(old.values[path + one] == ALWAYS for one in lost) and old.seen >= SURE
                yield _said(name, path, lost, come, always)


def _said(name: str, path: str, lost: Sequence[str], come: Sequence[str], always: bool) -> Drift:
    left, new = (", ".join(one[1:] for one in some) for some in (lost, come))
    what = f"{left} became {new}" if lost and come else f"{left} is not seen any more" if lost else f"{new} is new"
    form = any(one[0] == "~" for one in (*lost, *come))
    if form or path.endswith(".profile"):
        severity: Severity = "warning" if come or always else "info"
    else:
        severity = "breaking" if always else "info"
    return Drift(severity, _place(name, path), what)


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for token in values:
        path, said = parted(token)
        found.setdefault(path, []).append(said)
    return found


def _place(name: str, path: str) -> str:
    """`observed.Observation/laboratory.code.coding` of the kind and the path `Observation.code.coding`."""
    return f"observed.{name}.{path.partition('.')[2]}"


def _share(told: str) -> int:
    word = told.partition(" ")[0]
    return 100 if word == ALWAYS else int(word.rstrip("%"))
