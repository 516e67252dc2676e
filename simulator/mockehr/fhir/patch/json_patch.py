"""JSON Patch (RFC 6902) on a resource."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import JSON
from mockehr.fhir.patch.errors import PatchFault

OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})
MOST = 1000
"""Operations in one patch."""


def apply_json_patch(document: JSON, patch: Any) -> JSON:
    """A patched copy; raises PatchFault. A `test` that fails is a fault like any other, and nothing is done."""
    from jsonpatch import JsonPatch, JsonPatchException, JsonPatchTestFailed
    from jsonpointer import JsonPointerException

    _check(patch)
    for number, operation in enumerate(patch):
        at = f"[{number}]"
        try:
            document = JsonPatch([operation]).apply(document, in_place=False)
        except JsonPatchTestFailed:
            raise PatchFault(f"{at}: the test of {operation['path']} fails", expression=at) from None
        except (JsonPatchException, JsonPointerException, KeyError, TypeError, ValueError) as error:
            raise PatchFault(f"{at}: {operation['op']} {operation['path']}: {_words(error)}", expression=at) from None
    if not isinstance(document, dict):
        raise PatchFault("the patch leaves no object")
    return document


def _check(patch: Any) -> None:
    if not isinstance(patch, list):
        raise PatchFault("a JSON Patch is a list of operations", status=400)
    if len(patch) > MOST:
        raise PatchFault(f"the patch has {len(patch)} operations; {MOST} are allowed", status=400)
    for number, operation in enumerate(patch):
        at = f"[{number}]"
        if not isinstance(operation, dict) or operation.get("op") not in OPERATIONS:
            names = ", ".join(sorted(OPERATIONS))
            raise PatchFault(f"{at}: op is one of {names}", status=400, expression=at)
        needed = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}
        for name in ("path", needed.get(operation["op"], "path")):
            if name not in operation:
                raise PatchFault(f"{at}: {name} is missing", status=400, expression=at)
        for name in ("path", "from"):
            if not isinstance(operation.get(name, ""), str):
                raise PatchFault(f"{at}: {name} is a JSON Pointer in a text", status=400, expression=at)


def _words(error: Exception) -> str:
    text = str(error.args[0]) if error.args else ""
    return text or "there is nothing there"
