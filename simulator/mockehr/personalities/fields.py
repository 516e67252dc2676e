"""Elements that a release renames, drops or adds: on everything that goes out, and back again on what comes in.

A resource is stored in one form, whatever the release; what clients see of it is made when it goes out. Searches look
at what is stored, so a parameter goes on to work on an element that has another name now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mockehr.core import paths
from mockehr.core.exchange import JSON


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change of one element of one resource type.

    `path` is an element path such as `maritalStatus` or `name.family` (`mockehr.core.paths`); a list without an index
    is walked item by item. A primitive's `_name` goes with it.
    """

    resource: str
    kind: Literal["rename", "drop", "add"]
    path: str
    to: str = ""
    """The new name of the path's last step, for a rename."""
    value: Any = None
    """What is added, wherever the element that holds it is there and it is not there itself."""

    def apply(self, document: JSON) -> bool:
        """Change `document` in place; returns whether anything was changed."""
        last = self.path.rpartition(".")[2]
        changed = False
        for holder in _holders(document, self.path):
            if self.kind == "rename":
                changed |= _rename(holder, last, self.to)
            elif self.kind == "drop":
                for name in (last, f"_{last}"):
                    changed |= holder.pop(name, None) is not None
            elif last not in holder:
                holder[last] = _copied(self.value)
                changed = True
        return changed

    def undo(self, document: JSON) -> bool:
        """Change `document`, which a client wrote in the new form, back in place; what was dropped stays away."""
        last = self.path.rpartition(".")[2]
        changed = False
        for holder in _holders(document, self.path):
            if self.kind == "rename":
                changed |= _rename(holder, self.to, last)
            elif self.kind == "add" and last in holder and holder[last] == self.value:
                del holder[last]
                changed = True
        return changed


class FieldChanges:
    """All changes of the releases so far, by resource type, in their order."""

    __slots__ = ("_by_type", "types")

    def __init__(self, changes: Iterable[FieldChange] = ()) -> None:
        self._by_type: dict[str, list[FieldChange]] = {}
        for change in changes:
            self._by_type.setdefault(change.resource, []).append(change)
        self.types = frozenset(self._by_type)
        """The types that have any."""

    def outgoing(self, document: JSON) -> JSON:
        """The document as clients see it: a new one, or the same where nothing changes. Bundles are looked into."""
        return self._made(document, outgoing=True)

    def incoming(self, document: JSON) -> JSON:
        """The document as it is stored, from what a client wrote; names of before the release are taken too."""
        return self._made(document, outgoing=False)

    def compared(self, document: JSON) -> JSON:
        """The document without what the releases made of it or took from it: the same for all who read it once."""
        made = self.incoming(document)
        for change in self._by_type.get(str(made.get("resourceType")), ()):
            if change.kind == "drop":
                made = _copied(made)
                change.apply(made)
        return made

    def _made(self, document: JSON, *, outgoing: bool) -> JSON:
        kind = document.get("resourceType")
        if kind == "Bundle" and isinstance(document.get("entry"), list):
            return self._bundle(document, outgoing=outgoing)
        changes = self._by_type.get(kind) if isinstance(kind, str) else None
        if not changes:
            return document
        made = _copied(document)
        if outgoing:
            changed = [change.apply(made) for change in changes]
        else:
            changed = [change.undo(made) for change in reversed(changes)]
        return made if any(changed) else document

    def _bundle(self, bundle: JSON, *, outgoing: bool) -> JSON:
        def entry(one: Any) -> Any:
            inner = one.get("resource") if isinstance(one, dict) else None
            made = self._made(inner, outgoing=outgoing) if isinstance(inner, dict) else inner
            return one if made is inner else {**one, "resource": made}

        entries = [entry(one) for one in bundle["entry"]]
        same = all(new is old for new, old in zip(entries, bundle["entry"], strict=True))
        return bundle if same else {**bundle, "entry": entries}


def _holders(document: JSON, path: str) -> list[dict[str, Any]]:
    """The objects in which the last step of the path stands, or might."""
    parent = path.rpartition(".")[0]
    if not parent:
        return [document]
    found = []
    for value in paths.get_all(document, parent):
        found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    return found


def _rename(holder: dict[str, Any], name: str, to: str) -> bool:
    """Give an element another name at its place; one that has the new name already is left alone."""
    names: Mapping[str, str] = {name: to, f"_{name}": f"_{to}"}
    if to in holder or not names.keys() & holder.keys():
        return False
    items = [(names.get(key, key), value) for key, value in holder.items()]
    holder.clear()
    holder.update(items)
    return True


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(item) for item in node] if isinstance(node, list) else node
