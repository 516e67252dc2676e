"""Uri parameters (FHIR R4 §3.1.1.4.13): the whole text, case and all; `:below` and `:above` compare path segments."""

from __future__ import annotations

from typing import Any

from mockehr.fhir.search.context import Compiled, Context, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, unescape
from mockehr.fhir.search.table import SearchDefinition


def lies_below(text: str, start: str) -> bool:
    """True if `text` is `start` or continues it after a slash (or a canonical's version bar)."""
    return text == start or (text.startswith(start) and (start.endswith("/") or text[len(start)] in "/|#"))


def compile_uri(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are the uris as written."""
    wanted = tuple(unescape(value) for value in parameter.values)
    if not all(wanted):
        raise InvalidValue("an empty uri matches nothing")
    if parameter.modifier == "below":
        return wanted, lambda item: isinstance(item, str) and any(lies_below(item, uri) for uri in wanted)
    if parameter.modifier == "above":
        return wanted, lambda item: isinstance(item, str) and any(lies_below(uri, item) for uri in wanted)
    if parameter.modifier:
        raise refuse_modifier(parameter, definition, ":below, :above, :missing")

    def test(item: Any) -> bool:
        # a canonical with a version matches without it, a search with a version wants that version
        return isinstance(item, str) and (item in wanted or item.partition("|")[0] in wanted)

    return wanted, test
