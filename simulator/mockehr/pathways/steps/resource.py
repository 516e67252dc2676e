"""Any FHIR resource, written as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import JsonValue, field_validator

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import resource_types
from mockehr.fhir.validate import check_structure
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step

_EXAMPLES: Final = {
    "{patient}": "Patient/p1",
    "{encounter}": "Encounter/e1",
    "{practitioner}": "Practitioner/d1",
    "{now}": "2026-01-05T12:00:00Z",
    "{today}": "2026-01-05",
}


class Resource(Step):
    """A resource with placeholders: `{patient}`, `{encounter}` and `{practitioner}` are `Type/id`, `{now}` and
    `{today}` the time and the day."""

    NAME: ClassVar[str] = "resource"
    SHORT: ClassVar[str] = "resource"

    resource: dict[str, JsonValue]
    name: str = ""
    """A second resource of that name is a further version of the first."""

    @classmethod
    def expand(cls, value: Any) -> Any:
        """The resource may stand in the step itself."""
        return {"resource": value} if isinstance(value, dict) and "resourceType" in value else super().expand(value)

    @field_validator("resource")
    @classmethod
    def _is_a_good_one(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if value.get("resourceType") not in resource_types():
            raise ValueError(f"resourceType {value.get('resourceType')!r} is none of FHIR R4")
        wrong = [issue for issue in check_structure(_filled(value, _EXAMPLES)) if issue.fails]
        if wrong:
            raise ValueError(f"{wrong[0].expression}: {wrong[0].text}")
        return value

    def run(self, act: Act) -> None:
        """That resource."""
        if not act.someone.visit and "{encounter}" in str(self.resource):
            act.refuse("there was no visit so far")
        made: JSON = _filled(self.resource, self._places(act))
        kind = str(made.pop("resourceType"))
        event = act.told("")  # what HL7 tells of it follows from the resource
        known = act.someone.documents.get(f"{kind} {self.name}", "") if self.name else ""
        if known:
            before = act.clean(known)
            gone = [one for one in before if one not in made and one not in ("resourceType", "id", "meta")]
            act.change(known, made, event, without=gone)
            return
        key = act.put(kind, "", made, event)
        if self.name:
            act.someone.documents[f"{kind} {self.name}"] = key

    def _places(self, act: Act) -> dict[str, str]:
        return {
            "{patient}": act.someone.patient,
            "{encounter}": act.someone.visit,
            "{practitioner}": str(act.attending().get("reference", "")),
            "{now}": act.when,
            "{today}": act.when[:10],
        }


def _filled(node: Any, places: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _filled(value, places) for name, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, places) for item in node]
    if isinstance(node, str) and "{" in node:
        for mark, value in places.items():
            node = node.replace(mark, value)
    return node
