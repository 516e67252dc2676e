"""JSON Patch (RFC 6902) on a resource."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mockehr.core.exchange import JSON
from mockehr.fhir.patch.errors import PatchFault

OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})
MOST = 1000
"""Operations in one patch."""
MOST_COPIED = 4 << 20
"""Letters and elements that the `copy` operations of one patch may copy in all: copies of copies double each time."""
LONGEST_SHOWN = 200
"""Letters of a path that a message repeats."""


def apply_json_patch(document: JSON, patch: Any) -> JSON:
    """A patched copy; raises PatchFault. A `test` that fails is a fault like any other, and nothing is done."""
    from jsonpatch import JsonPatch, JsonPatchException, JsonPatchTestFailed
    from jsonpointer import JsonPointer, JsonPointerException

    _check(patch)
    made: Any = deepcopy(document)  # once: a copy for every operation would cost operations times size
    room = MOST_COPIED
    for number, operation in enumerate(patch):
        at, path = f"[{number}]", operation["path"][:LONGEST_SHOWN]
        try:
            if operation["op"] == "copy":
                room -= _weight(JsonPointer(operation["from"]).resolve(made), room)
            made = JsonPatch([operation]).apply(made, in_place=True)
        except JsonPatchTestFailed:
            raise PatchFault(f"{at}: the test of {path} fails") from None
        except RecursionError:
            raise PatchFault(f"{at}: {operation['op']} {path}: this is nested too deep") from None
        except (JsonPatchException, JsonPointerException, KeyError, TypeError, ValueError) as error:
            raise PatchFault(f"{at}: {operation['op']} {path}: {_words(error)}") from None
    if not isinstance(made, dict):
        raise PatchFault("the patch leaves no object")
    return made


def _weight(value: Any, room: int) -> int:
    """Letters and elements of a value; raises PatchFault for more than `room`."""
    weight, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        weight += 1
        if isinstance(one, str):
            weight += len(one)
        elif isinstance(one, dict):
            waiting += one.values()
            weight += sum(map(len, one))
        elif isinstance(one, list):
            waiting += one
        if weight > room:
            raise PatchFault(f"the patch copies more than {MOST_COPIED} letters and elements")
    return weight


def _check(patch: Any) -> None:
    if not isinstance(patch, list):
        raise PatchFault("a JSON Patch is a list of operations", status=400)
    if len(patch) > MOST:
        raise PatchFault(f"the patch has {len(patch)} operations; {MOST} are allowed", status=400)
    for number, operation in enumerate(patch):
        at = f"[{number}]"
        if not isinstance(operation, dict) or str(operation.get("op")) not in OPERATIONS:
            names = ", ".join(sorted(OPERATIONS))
            raise PatchFault(f"{at}: op is one of {names}", status=400)
        needed = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}
        for name in ("path", needed.get(operation["op"], "path")):
            if name not in operation:
                raise PatchFault(f"{at}: {name} is missing", status=400)
        for name in ("path", "from"):
            if not isinstance(operation.get(name, ""), str):
                raise PatchFault(f"{at}: {name} is a JSON Pointer in a text", status=400)


def _words(error: Exception) -> str:
    text = str(error.args[0]).partition(" in {")[0][:LONGEST_SHOWN] if error.args else ""
    return text or "there is nothing there"
