"""NextGen's CapabilityStatement, type by type. Sources: notes.md, section Discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON

_KINDS: Final = {"_maxresults": "number"}


def types_of(resources: list[JSON], told: Mapping[str, Any]) -> list[JSON]:
    """Those that are told of, in the vendor's words; `told` is the setting `capability`."""
    return [_type(one, told) for one in resources if one["type"] not in told["hidden"]]


def _type(entry: JSON, told: Mapping[str, Any]) -> JSON:
    kind = entry["type"]
    made: JSON = {name: entry[name] for name in ("type", "supportedProfile", "interaction") if name in entry}
    made |= {"versioning": "no-version", "readHistory": False, "updateCreate": kind in told["update_create"]}
    if kind in told["revincluded"]:
        made["searchRevInclude"] = ["Provenance:target"]
    known = {one["name"]: one["type"] for one in entry.get("searchParam", ())}
    names = told["parameters"].get(kind, ())
    parameters = [{"name": name, "type": _KINDS.get(name) or known.get(name, "string")} for name in names]
    return {**made, "searchParam": parameters} if parameters else made
