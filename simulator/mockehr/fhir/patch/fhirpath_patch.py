"""FHIRPath Patch (FHIR R4 fhirpatch.html): Parameters with `add`, `insert`, `delete`, `replace`, `move`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Element, Structure, known_structure
from mockehr.fhir.patch.errors import PatchFault
from mockehr.fhir.patch.locate import Place, owner, places, single
from mockehr.fhir.validation.issue import shown

MOST = 1000
"""Operations in one patch."""
LONGEST_PATH = 1000
"""Letters of a path: every one of them is read several times."""
TYPE_OF_VALUE = "value[x]"
"""Under this name the parts of an operation hold what `value` was written as: `HumanName`, `Date`."""
Parts = Mapping[str, Any]
Built = tuple[tuple[str, Any, str], ...]
"""An element without a datatype, given in parts: the name, the value and the value's type of each of its elements."""


def apply_fhirpath_patch(document: JSON, patch: JSON) -> JSON:
    """A patched copy; raises PatchFault. All operations apply in order, or none."""
    made = deepcopy(document)
    given = patch.get("parameter")
    operations = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if len(operations) > MOST:
        raise PatchFault(f"the patch has {len(operations)} operations; {MOST} are allowed", status=400)
    for number, parameter in enumerate(operations):
        at = f"Parameters.parameter[{number}]"
        if parameter.get("name") != "operation":
            raise PatchFault(f"{at}: the name is 'operation'", status=400, expression=at)
        parts = _parts(parameter, at)
        run = _OPERATIONS.get(str(parts.get("type")))
        if run is None:
            raise PatchFault(f"{at}: type is one of {', '.join(_OPERATIONS)}", status=400, expression=at)
        try:
            run(made, parts)
        except PatchFault as fault:
            raise PatchFault(f"{at}: {parts['type']}: {fault}", status=fault.status, expression=at) from None
    return made


def _parts(parameter: JSON, at: str) -> Parts:
    found: dict[str, Any] = {}
    parts = parameter.get("part")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            if part["name"] in found:
                raise PatchFault(f"{at}: {part['name']} comes twice", status=400, expression=at)
            found[part["name"]] = _value(part)
            if part["name"] == "value":
                found[TYPE_OF_VALUE] = _type_of_value(part)
    return found


def _type_of_value(part: JSON) -> str:
    return next((key[5:] for key in part if key.startswith("value")), "")


def _value(part: JSON) -> Any:
    """The value of a part. Parts of a part build an element that has no datatype (fhirpatch.html#concept)."""
    for key, value in part.items():
        if key.startswith("value") or key == "resource":
            return value
    inner = part.get("part")
    return tuple(
        (one["name"], _value(one), _type_of_value(one))
        for one in (inner if isinstance(inner, list) else ())
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    )


def _need(parts: Parts, name: str) -> Any:
    if name not in parts:
        raise PatchFault(f"the part {name} is missing", status=400)
    return parts[name]


def _path(parts: Parts) -> str:
    path = _need(parts, "path")
    if not isinstance(path, str) or not path.strip():
        raise PatchFault("the path is a text with a FHIRPath", status=400)
    if len(path) > LONGEST_PATH:
        raise PatchFault(f"the path has {len(path)} letters; {LONGEST_PATH} are allowed", status=400)
    return path


def _index(parts: Parts, name: str, largest: int) -> int:
    value = _need(parts, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise PatchFault(f"{name} is {shown(value)}; it has to be a whole number from 0 to {largest}")
    return value


def _add(document: JSON, parts: Parts) -> None:
    holder, known = owner(document, _path(parts))
    value = _need(parts, "value")
    element = _element(known, str(_need(parts, "name")), value, parts)
    if element.many:
        holder.setdefault(element.name, []).append(_shaped(value, element))
    elif element.name in holder or any(other in holder for other in known.choices.get(element.choice, ())):
        raise PatchFault(f"{known.name}.{element.name} is there already, and there can be one only; use replace")
    else:
        holder[element.name] = _shaped(value, element)


def _insert(document: JSON, parts: Parts) -> None:
    found = _list(document, _path(parts))
    element = found[0].element if found else None
    if element is None:
        raise PatchFault(f"{parts['path']!r} means no list that is there; use add")
    items = found[0].holder[found[0].name]
    items.insert(_index(parts, "index", len(items)), _shaped(_need(parts, "value"), element))


def _delete(document: JSON, parts: Parts) -> None:
    found = places(document, _path(parts))
    if len(found) > 1:
        raise PatchFault(f"{parts['path']!r} means {len(found)} elements; a delete takes one")
    for place in found:
        _take(place)


def _replace(document: JSON, parts: Parts) -> None:
    place = single(document, _path(parts))[0]
    value = _need(parts, "value")
    if place.position >= 0:
        place.holder[place.name][place.position] = _shaped(value, place.element)
    else:
        place.holder[place.name] = _shaped(value, place.element)


def _move(document: JSON, parts: Parts) -> None:
    found = _list(document, _path(parts))
    if not found:
        raise PatchFault(f"{parts['path']!r} means no list that is there")
    items = found[0].holder[found[0].name]
    source = _index(parts, "source", len(items) - 1)
    items.insert(_index(parts, "destination", len(items) - 1), items.pop(source))


_OPERATIONS: Mapping[str, Callable[[JSON, Parts], None]] = MappingProxyType(
    {"add": _add, "insert": _insert, "delete": _delete, "replace": _replace, "move": _move}
)


def _list(document: JSON, path: str) -> list[Place]:
    """The items of the one list that a path means."""
    found = places(document, path)
    if found and (found[0].position < 0 or any(place.holder is not found[0].holder for place in found)):
        raise PatchFault(f"{path!r} means no single list")
    return found


def _take(place: Place) -> None:
    """Take an element out, and what stands beside it (`_name`)."""
    beside = f"_{place.name}"
    if place.position < 0:
        del place.holder[place.name]
        place.holder.pop(beside, None)
        return
    for name in (place.name, beside):
        items = place.holder.get(name)
        if isinstance(items, list) and place.position < len(items):
            del items[place.position]
            if not items:
                del place.holder[name]


def _element(known: Structure, name: str, value: Any, parts: Parts) -> Element:
    """The element that a part `name` means; of a choice the one that the value's type tells."""
    if name in known.elements:
        return known.elements[name]
    kinds = [known.elements[one] for one in known.choices.get(name, ())]
    if not kinds:
        near = nearest_names(name, [*known.elements, *known.choices])
        hint = f"; did you mean {near[0]}?" if near else ""
        raise PatchFault(f"{known.name} has no element {name!r}{hint}")
    told = str(parts.get(TYPE_OF_VALUE, "")).lower()
    fitting = [kind for kind in kinds if (kind.type.lower() == told if told else _could_be(value, kind))]
    if len(fitting) != 1:
        raise PatchFault(f"{name} may be of several types; name it {' or '.join(kind.name for kind in kinds[:4])}")
    return fitting[0]


def _could_be(value: Any, element: Element) -> bool:
    if isinstance(value, (dict, tuple)):
        return not element.primitive
    if isinstance(value, bool):
        return element.type == "boolean"
    if isinstance(value, int):
        return element.type in ("integer", "positiveInt", "unsignedInt")
    if isinstance(value, float):
        return element.type == "decimal"
    return isinstance(value, str) and element.primitive and element.type not in ("boolean", "integer", "decimal")


def _shaped(value: Any, element: Element) -> Any:
    if isinstance(value, tuple):
        return _assembled(value, element)
    if element.primitive is isinstance(value, dict):
        raise PatchFault(f"{element.name} is of type {element.type}; the value is none")
    return deepcopy(value)


def _assembled(built: Built, element: Element) -> JSON:
    """The object that parts make: a list where the element is one, a choice by the type of its value."""
    known = None if element.primitive else known_structure(element.type)
    if known is None:
        raise PatchFault(f"{element.name} is of type {element.type}; the value is none")
    made: JSON = {}
    for name, value, kind in built:
        inner = _element(known, name, value, {TYPE_OF_VALUE: kind})
        if inner.many:
            made.setdefault(inner.name, []).append(_shaped(value, inner))
        elif inner.name in made:
            raise PatchFault(f"{known.name}.{inner.name} comes twice, and there can be one only")
        else:
            made[inner.name] = _shaped(value, inner)
    return made
