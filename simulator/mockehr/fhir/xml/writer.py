"""From a document to XML (FHIR R4 xml.html). Nothing that JSON can hold makes this fail: the simulator is wrong on
purpose, and then the XML has to be wrong as well.

What R4 does not have is written after what it has, in the same manner: texts and numbers as `value`, objects as
elements with elements in them, lists as repeated elements, `null` as an empty element. What XML cannot tell apart is
lost: a list where there should be none, a number where there should be a text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import R4, is_resource_type
from mockehr.fhir.xml.layout import PART, Form, layout
from mockehr.fhir.xml.narrative import inlined
from mockehr.fhir.xml.text import FHIR, element_name, escaped
from mockehr.fhir.xml.values import as_text, exact

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_PRIMITIVE, _PRIMITIVES, _EXTENDED = int(Form.PRIMITIVE), int(Form.PRIMITIVES), int(Form.EXTENDED)
_COMPLEX, _COMPLEXES, _RESOURCE, _DIV = int(Form.COMPLEX), int(Form.COMPLEXES), int(Form.RESOURCE), int(Form.DIV)

Put = Callable[[str], None]
"""Takes one tag, one empty element, or one narrative."""


def to_xml(document: JSON, *, pretty: bool = False, version: str = R4) -> bytes:
    """A resource as XML with its declaration, in UTF-8, with decimals as they were written; never raises.

    Octets that the document holds as `surrogateescape` come out as they are: the XML is as broken as the text.
    """
    parts: list[str] = []
    _write_resource(parts.append, version, document, f' xmlns="{FHIR}"')
    text = "\n".join([_DECLARATION, *_indented(parts), ""]) if pretty else _DECLARATION + "".join(parts)
    return text.encode("utf-8", "surrogateescape")


def xml_of_json(body: bytes, *, pretty: bool = False, version: str = R4) -> bytes:
    """A resource in JSON as XML; raises ValueError if the body is no JSON object.

    This reads what we wrote ourselves and forgives everything that can be written: octets that are no UTF-8, doubled
    members (the last one counts), endless numbers.
    """
    document = json.loads(body.decode("utf-8", "surrogateescape"), parse_float=exact)
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    return to_xml(document, pretty=pretty, version=version)


def _write_resource(put: Put, version: str, node: JSON, namespace: str = "") -> None:
    kind = node.get("resourceType")
    if not isinstance(kind, str) or not kind:
        kind = "Resource"
    known = kind if is_resource_type(kind, version) else "Resource"
    _write_object(put, version, element_name(kind), node, known, namespace)


def _write_object(put: Put, version: str, name: str, node: JSON, kind: str, told: str = "") -> None:
    attributes, steps = layout(kind, tuple(node), version)
    odd = []
    for key in attributes:
        value = node[key]
        if value.__class__ is str:
            told += f' {key}="{escaped(value)}"'
        elif isinstance(value, (dict, list)):
            odd.append(key)
        elif value is not None:
            told += f' {key}="{escaped(as_text(value))}"'
    if not steps and not odd:
        put(f"<{name}{told}/>")
        return
    put(f"<{name}{told}>")
    for key in odd:
        _write_foreign(put, version, element_name(key), node[key])
    for form, key, label, head, of in steps:
        if form == _EXTENDED:
            _write_extended(put, version, label, node.get(key), node.get(f"_{key}"))
            continue
        value = node[key]
        if form == _PRIMITIVE and value.__class__ is str:
            put(f'{head}{escaped(value)}"/>')
        elif form == _COMPLEX and value.__class__ is dict:
            _write_object(put, version, label, value, of)
        elif value.__class__ is list and form in _LISTED:
            _write_list(put, version, form, label, value, of)
        else:
            _write_other(put, version, form, label, value, of)
    put(f"</{name}>")


_LISTED: Final = frozenset({_COMPLEXES, _PRIMITIVES})


def _write_list(put: Put, version: str, form: int, name: str, values: list[Any], kind: str) -> None:
    for value in values:
        if form == _COMPLEXES and value.__class__ is dict:
            _write_object(put, version, name, value, kind)
        elif form == _PRIMITIVES and value.__class__ is str:
            put(f'<{name} value="{escaped(value)}"/>')
        else:
            _write_other(put, version, form, name, value, kind)


def _write_other(put: Put, version: str, form: int, name: str, value: Any, kind: str) -> None:
    """What is less common, and what is not of the kind that R4 has there."""
    if isinstance(value, list):
        for item in value:
            _write_other(put, version, form, name, item, kind)
    elif form == _DIV and isinstance(value, str):
        put(inlined(value))
    elif isinstance(value, dict) and form in (_COMPLEX, _COMPLEXES):
        _write_object(put, version, name, value, kind)
    elif isinstance(value, dict) and form == _RESOURCE:
        put(f"<{name}>")
        _write_resource(put, version, value)
        put(f"</{name}>")
    else:
        _write_foreign(put, version, name, value)


def _write_foreign(put: Put, version: str, name: str, value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _write_foreign(put, version, name, item)
    elif value is None:
        put(f"<{name}/>")
    elif not isinstance(value, dict):
        put(f'<{name} value="{escaped(_number_or_text(value))}"/>')
    elif isinstance(value.get("resourceType"), str):
        put(f"<{name}>")
        _write_resource(put, version, value)
        put(f"</{name}>")
    else:
        _write_object(put, version, name, value, PART)


def _number_or_text(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    return as_text(value)


def _write_extended(put: Put, version: str, name: str, value: Any, beside: Any) -> None:
    """A primitive with what `_name` has for it: its id and extensions; lists go side by side."""
    if not isinstance(value, list) and not isinstance(beside, list):
        _write_primitive(put, version, name, value, beside)
        return
    values = value if isinstance(value, list) else [] if value is None else [value]
    for one, more in zip_longest(values, beside if isinstance(beside, list) else [beside]):
        _write_primitive(put, version, name, one, more)


def _write_primitive(put: Put, version: str, name: str, value: Any, beside: Any) -> None:
    if isinstance(value, (dict, list)) or not isinstance(beside, dict):
        _write_foreign(put, version, name, value)
    elif value is None:
        _write_object(put, version, name, beside, "Element")
    else:
        own = {key: item for key, item in beside.items() if key != "id"}
        known = beside.get("id")
        told = f' id="{escaped(known)}"' if isinstance(known, str) else ""
        _write_object(put, version, name, own, "Element", f'{told} value="{escaped(_number_or_text(value))}"')


def _indented(parts: list[str]) -> Iterator[str]:
    depth = 0
    for part in parts:
        leaf = part.endswith(("/>", "</div>"))
        if part.startswith("</") and not leaf:
            depth -= 1
        yield "  " * depth + part
        if not leaf and not part.startswith("</"):
            depth += 1
