"""Token parameters: codes, identifiers, contact points, booleans (FHIR R4 §3.1.1.4.10).

`code`, `system|code`, `|code` (no system), `system|` (any code of it). Codes compare without regard to case, as R4
recommends where the code system is not known to tell them apart; `_id` and systems compare exactly. An element of
type `code` has its system in the binding only, so `system|code` matches it by the code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mockehr.core.folding import fold
from mockehr.fhir.search.context import Compiled, Context, Test, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, split_escaped, unescape
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.terminology import Library, codes_below, member


class TokenValue(NamedTuple):
    """One wanted token. `system` None: any; empty: none. `code` None: any."""

    system: str | None
    code: str | None


def parse_token(text: str) -> TokenValue:
    """`system|code` in its four forms; raises InvalidValue on an empty one."""
    if "|" not in text:
        if not text:
            raise InvalidValue("an empty token matches nothing; write code, system|code, |code or system|")
        return TokenValue(None, unescape(text))
    parts = split_escaped(text, "|")
    if len(parts) == 1:
        return TokenValue(None, unescape(text))
    system, code = unescape(parts[0]), unescape("|".join(parts[1:]))
    if not system and not code:
        raise InvalidValue("a token of a bar alone matches nothing; write code, system|code, |code or system|")
    return TokenValue(system, code or None)


def compile_token(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are TokenValues; with `:text` folded texts, with `:of-type` (system, code, value) triples.

    With `:in` and `:not-in` canonical URLs of value sets; `:above` and `:below` go by the hierarchies that are known.
    """
    modifier = parameter.modifier
    if modifier == "text":
        return _compile_text(parameter)
    if modifier == "of-type":
        return _compile_of_type(parameter)
    if modifier in ("in", "not-in"):
        return _compile_in(parameter, context)
    if modifier not in ("", "not", "above", "below"):
        raise refuse_modifier(parameter, definition, ":not, :text, :in, :not-in, :above, :below, :of-type, :missing")
    values = tuple(parse_token(value) for value in parameter.values)
    if modifier == "below":
        values = tuple(one for value in values for one in _below(value, context))
    if modifier == "above":
        return values, _match_above(values, context)
    return values, match_tokens(values, exact=parameter.name == "_id")


def _below(value: TokenValue, context: Context) -> list[TokenValue]:
    """The codes that a code subsumes, itself among them."""
    if not value.system or value.code is None:
        raise InvalidValue("a code is subsumed within its code system; write system|code")
    found = codes_below(value.system, value.code, context.library)
    if found is None:
        raise InvalidValue(f"no hierarchy of {value.system} is known here")
    return [TokenValue(value.system, code) for code in sorted(found)]


def _match_above(values: tuple[TokenValue, ...], context: Context) -> Test:
    """The test of a token whose code subsumes one of those wanted."""
    for value in values:
        _below(value, context)  # refuses what cannot be known
    wanted = [(value.system, value.code) for value in values]

    def test(item: Any) -> bool:
        return any(
            system == wanted_system and wanted_code in (codes_below(system, code, context.library) or ())
            for system, code in _codings(item)
            for wanted_system, wanted_code in wanted
            if system and wanted_code
        )

    return test


def _compile_in(parameter: Parameter, context: Context) -> Compiled:
    """Values are canonical URLs of value sets; `:not-in` is negated by the criterion, as `:not` is."""
    urls = tuple(unescape(value) for value in parameter.values)
    known = context.library or Library()
    for url in urls:
        if known.value_set(url) is None:
            raise InvalidValue(f"the value set {url} is not known here")

    def test(item: Any) -> bool:
        return any(member(url, system, code, known) for system, code in _codings(item) for url in urls)

    return urls, test


def _codings(item: Any) -> list[tuple[str, str]]:
    """(system, code) pairs of one value; the system is empty for an element of type code."""
    if isinstance(item, str):
        return [("", item)]
    if not isinstance(item, dict):
        return []
    listed = item.get("coding")
    found = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else [item]
    pairs = [(part.get("system", ""), part.get("code")) for part in found]
    return [(system, code) for system, code in pairs if isinstance(system, str) and isinstance(code, str)]


def match_tokens(values: tuple[TokenValue, ...], *, exact: bool = False) -> Test:
    """The test of one Coding, CodeableConcept, Identifier, ContactPoint, code, uri, id or boolean."""
    normal: Callable[[str], str] = str if exact else str.casefold
    codes = frozenset(normal(code) for system, code in values if system is None and code is not None)
    pairs = frozenset((system, normal(code)) for system, code in values if system is not None and code is not None)
    systems = frozenset(system for system, code in values if system is not None and code is None)
    plain = codes | frozenset(code for _, code in pairs)

    def hit(system: Any, code: Any) -> bool:
        if isinstance(code, str):
            code = normal(code)
            if code in codes or (pairs and isinstance(system, str | None) and (system or "", code) in pairs):
                return True
        return bool(systems) and isinstance(system, str) and system in systems

    def test(item: Any) -> bool:
        if isinstance(item, dict):
            codings = item.get("coding")
            if isinstance(codings, list):
                return any(hit(part.get("system"), part.get("code")) for part in codings if isinstance(part, dict))
            return hit(item.get("system"), item["value"] if "value" in item else item.get("code"))
        if isinstance(item, str):
            return normal(item) in plain
        return isinstance(item, bool) and ("true" if item else "false") in plain

    return test


def labels(item: Any) -> list[str]:
    """What a reader sees of a token: text and displays of a concept, display of a coding, type of an identifier."""
    if not isinstance(item, dict):
        return []
    found = [item.get("text"), item.get("display")]
    kind, codings = item.get("type"), item.get("coding")
    found += [kind.get("text")] if isinstance(kind, dict) else []
    found += [part.get("display") for part in codings if isinstance(part, dict)] if isinstance(codings, list) else []
    return [label for label in found if isinstance(label, str)]


def _compile_text(parameter: Parameter) -> Compiled:
    wanted = tuple(fold(unescape(value)) for value in parameter.values)
    if not all(wanted):
        raise InvalidValue("an empty text matches nothing")
    return wanted, lambda item: any(fold(label).startswith(wanted) for label in labels(item))


def _compile_of_type(parameter: Parameter) -> Compiled:
    triples = []
    for value in parameter.values:
        parts = [unescape(part) for part in split_escaped(value, "|")]
        if len(parts) != 3 or not all(parts):
            raise InvalidValue(f"{value!r} is no typed identifier; write type-system|type-code|value")
        triples.append((parts[0], parts[1].casefold(), parts[2].casefold()))

    def test(item: Any) -> bool:
        if not isinstance(item, dict) or not isinstance(item.get("value"), str):
            return False
        kind, value = item.get("type"), item["value"].casefold()
        return any(
            value == wanted and match_tokens((TokenValue(system, code),))(kind) for system, code, wanted in triples
        )

    return tuple(triples), test
