"""Reference parameters (FHIR R4 §3.1.1.4.12): `id`, `Type/id`, `http://…/Type/id`, canonicals; `:[type]`,
`:identifier`.

A reference to a version matches a search for its resource. References are compared as text; nothing is looked up.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from mockehr.fhir.elements import is_resource_type
from mockehr.fhir.search.context import Compiled, Context, Test, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, unescape
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.search.token import match_tokens, parse_token

_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{2,63}")
_HISTORY: Final = "/_history/"


class ReferenceValue(NamedTuple):
    """One wanted target. `type` is empty for a bare id, `id` for a canonical or other uri; `text` is as given."""

    type: str
    id: str
    text: str


def parse_reference(text: str, base_url: str = "") -> ReferenceValue:
    """A reference in any of its forms; raises InvalidValue on an empty one."""
    if base_url and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    if not text or text.endswith("/"):
        raise InvalidValue(f"{text!r} is no reference; write an id, Type/id or an absolute URL")
    if "/" not in text:
        return ReferenceValue("", "", text) if ":" in text or "#" in text else ReferenceValue("", text, text)
    plain = text.partition(_HISTORY)[0]
    before, _, key = plain.rpartition("/")
    kind = before.rpartition("/")[2]
    return ReferenceValue(kind, key, text) if _TYPE.fullmatch(kind) else ReferenceValue("", "", text)


def reference_text(item: Any) -> Any:
    """What a Reference, a canonical, or a resource that stands in its place (in a Bundle) refers to."""
    if not isinstance(item, dict):
        return item
    return f"{item['resourceType']}/{item.get('id')}" if "resourceType" in item else item.get("reference")


def split_reference(item: Any, base_url: str = "") -> tuple[str, str] | None:
    """(type, id) of a Reference to a resource of this server; None if it leads elsewhere, or is none."""
    text = reference_text(item)
    if not isinstance(text, str):
        return None
    if base_url and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    kind, _, key = text.partition(_HISTORY)[0].partition("/")
    return (kind, key) if key and "/" not in key and _TYPE.fullmatch(kind) else None


def compile_reference(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are ReferenceValues (TokenValues with `:identifier`)."""
    modifier = parameter.modifier
    if modifier == "identifier":
        tokens = tuple(parse_token(value) for value in parameter.values)
        inner = match_tokens(tokens)
        return tokens, lambda item: isinstance(item, dict) and "identifier" in item and inner(item["identifier"])
    if modifier and not is_resource_type(modifier, context.fhir_version):
        raise refuse_modifier(parameter, definition, ":identifier, :missing, a resource type")
    if modifier and not definition.may_refer_to(modifier):
        raise InvalidValue(definition.never(modifier))
    values = tuple(_typed(parse_reference(unescape(value), context.base_url), modifier) for value in parameter.values)
    return values, match_references(values, definition, context.base_url)


def _typed(value: ReferenceValue, modifier: str) -> ReferenceValue:
    if not modifier or not value.id:
        return value
    if value.type and value.type != modifier:
        raise InvalidValue(f"{value.text!r} is no {modifier}")
    return ReferenceValue(modifier, value.id, value.text if value.type else f"{modifier}/{value.id}")


def match_references(values: tuple[ReferenceValue, ...], definition: SearchDefinition, base_url: str) -> Test:
    """The test of one Reference or canonical against any of `values`."""
    accepted = {value.text for value in values if value.type or not value.id}
    bare = {value.id for value in values if not value.type and value.id}
    if not definition.any_target:
        accepted |= {f"{target}/{key}" for target in definition.targets for key in bare}
        bare = set()
    start = base_url + "/" if base_url else ""

    def test(item: Any) -> bool:
        text = item.get("reference") if type(item) is dict and "resourceType" not in item else reference_text(item)
        if not isinstance(text, str):
            return False
        if text in accepted:
            return True
        if start and text.startswith(start):
            text = text[len(start) :]
        text = text.partition(_HISTORY)[0].partition("|")[0]
        return text in accepted or (bool(bare) and "://" not in text and text.rpartition("/")[2] in bare)

    return test
