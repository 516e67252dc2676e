"""Copying a clean resource into the vendor's world: ids, references, attachments, moments, order of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dates import Style, moment
from mockehr.personalities.dresser import Dresser

_EXTENSIONS: Final = frozenset(("extension", "modifierExtension"))
_ATTACHMENTS: Final = frozenset(("attachment", "content", "presentedForm", "photo"))


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a vendor does to every element alike.

    `refer` makes the vendor's Reference of a copied one; it gets the copy (reference rewritten already) and the clean
    reference.
    """

    dresser: Dresser
    style: Style
    value_before_url: bool
    refer: Callable[[JSON, str], JSON]

    def copy(self, node: Any, key: str = "") -> Any:
        """A deep copy in the vendor's form; the clean node stays untouched."""
        if isinstance(node, dict):
            return self._object(node, key)
        if isinstance(node, list):
            return [self.copy(item, key) for item in node]
        if isinstance(node, str) and len(node) > 19 and node[10] == "T":
            return moment(node, self.style)
        return node

    def _object(self, node: Mapping[str, Any], key: str) -> JSON:
        made: JSON = {}
        # What `copy` does, written out: most elements are plain texts, and this runs for every element served.
        for name, value in node.items():
            if isinstance(value, str):
                if len(value) > 19 and value[10] == "T":
                    value = moment(value, self.style)
            elif isinstance(value, dict):
                value = self._object(value, name)
            elif isinstance(value, list):
                value = [self._object(one, name) if isinstance(one, dict) else self.copy(one, name) for one in value]
            made[name] = value
        reference = made.get("reference")
        if isinstance(reference, str):
            clean = node["reference"]
            made["reference"] = self.dresser.refer(clean, str(node.get("type", "")))
            return self.refer(made, clean)
        if key in _EXTENSIONS:
            if self.value_before_url and "url" in made:
                made["url"] = made.pop("url")
        elif key in _ATTACHMENTS and isinstance(made.get("url"), str):
            made["url"] = self.attachment_url(made["url"])
        return made

    def attachment_url(self, url: str) -> str:
        """`Binary/…` in the vendor's form; any other URL as it is."""
        return self.dresser.refer(url) if url.startswith("Binary/") else url


def ordered(resource: JSON, order: Sequence[str]) -> JSON:
    """The same resource with its keys in that order; keys that are not named keep their place after the others.

    A `_name` goes right after its `name`.
    """
    made: JSON = {name: resource[name] for name in order if name in resource}
    if any(name[:1] == "_" for name in resource):
        made = {}
        for name in order:
            for one in (name, f"_{name}"):
                if one in resource:
                    made[one] = resource[one]
    if len(made) < len(resource):
        made.update((name, value) for name, value in resource.items() if name not in made)
    return made
