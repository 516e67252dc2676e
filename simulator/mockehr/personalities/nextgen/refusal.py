"""How NextGen says no: OperationOutcomes without a code, now and then with a trace. Sources: notes.md, Refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem

_WRITING: Final = frozenset({"create", "update", "delete"})
_ENGINE: Final = "ProvenanceEngine"
_TRACES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "ApiClient": (
            "NextGen.Api.Fhir.Data.Core.ApiClient.FetchAsync(ApiRequest request)"
            " in /src/src/NextGen.Api.Fhir.Data/Core/ApiClient.cs:line 92",
            "NextGen.Api.Fhir.Engines.{type}Engine.ReadAsync(String id)"
            " in /src/src/NextGen.Api.Fhir/Engines/{type}Engine.cs:line 61",
        ),
        _ENGINE: (
            "NextGen.Api.Fhir.Engines.{type}Engine.SearchAsync(SearchQuery query)"
            " in /src/src/NextGen.Api.Fhir/Engines/{type}Engine.cs:line 348",
            "NextGen.Api.Fhir.Controllers.ResourceController.SearchAsync(String type)"
            " in /src/src/NextGen.Api.Fhir/Controllers/ResourceController.cs:line 117",
        ),
    }
)
"""What threw → the frames below it. `{type}` is the resource type."""


def outcome(problem: Problem, kinds: Mapping[str, Any]) -> tuple[int, JSON]:
    """(status, OperationOutcome) of a problem, by the setting `errors.kinds`."""
    status, text, thrower = kinds.get(problem.kind, (0, "", ""))
    if problem.value.endswith("Engine") and problem.kind == "operation-unknown":
        thrower = _ENGINE
    kind = problem.resource_type or "Resource"
    told = text.replace("{type}", kind) or problem.text
    if problem.value in _WRITING:
        told = told.replace("Read access", "Write access")
    issues: list[JSON] = [{"severity": "error", "diagnostics": told}]
    if thrower:
        issues.append({"severity": "information", "diagnostics": _trace(thrower, kind)})
    return status or problem.status, {"resourceType": "OperationOutcome", "issue": issues}


def _trace(thrower: str, kind: str) -> str:
    return "\n".join(f"   at {frame.replace('{type}', kind)}" for frame in _TRACES[thrower])
