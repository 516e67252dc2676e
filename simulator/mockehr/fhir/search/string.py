"""String parameters: starts with, without regard to case, accents and runs of white space (FHIR R4 §3.1.1.4.8).

`:exact` compares as written, `:contains` finds the text anywhere. A HumanName or Address matches by any of its
parts; a search text with a blank is also compared with a name's given and family names in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mockehr.core.folding import fold
from mockehr.fhir.search.context import Compiled, Context, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, unescape
from mockehr.fhir.search.table import SearchDefinition

_PARTS: Final = (
    "family",
    "given",
    "text",
    "prefix",
    "suffix",
    "line",
    "city",
    "district",
    "state",
    "postalCode",
    "country",
)


def texts(item: Any) -> Iterator[str]:
    """The strings that one extracted value offers: itself, or the parts of a HumanName or Address."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, dict):
        for part in _PARTS:
            value = item.get(part)
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from (entry for entry in value if isinstance(entry, str))


def whole_name(item: Any) -> str:
    """Given and family names of a HumanName in a row, or the empty string."""
    if not isinstance(item, dict) or "family" not in item:
        return ""
    given = item.get("given")
    names = [*(given if isinstance(given, list) else ()), item["family"]]
    return " ".join(name for name in names if isinstance(name, str))


def compile_string(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are folded texts (as written with `:exact`)."""
    modifier = parameter.modifier
    if modifier not in ("", "exact", "contains"):
        raise refuse_modifier(parameter, definition, ":exact, :contains, :missing")
    written = tuple(unescape(value) for value in parameter.values)
    if modifier == "exact":
        return written, lambda item: any(text in written for text in texts(item))
    wanted = tuple(fold(value) for value in written)
    if not all(wanted):
        raise InvalidValue("an empty text matches nothing; leave the parameter out, or use :missing")
    if modifier == "contains":
        return wanted, lambda item: any(part in fold(text) for text in texts(item) for part in wanted)
    if any(" " in part for part in wanted):
        return (
            wanted,
            lambda item: (
                any(fold(text).startswith(wanted) for text in texts(item))
                or fold(whole_name(item)).startswith(wanted)
            ),
        )
    return wanted, lambda item: any(fold(text).startswith(wanted) for text in texts(item))
