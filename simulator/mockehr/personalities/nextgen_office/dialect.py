"""NextGen Office's way of speaking: HAPI, with groups of its own for bulk data. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.concepts import code_in
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.nextgen_office.groups import GroupsApi
from mockehr.personalities.nextgen_office.outcome import hapi_outcome
from mockehr.personalities.proprietary import Api

_EXPORT: Final = re.compile(r"/Group/[^/]+/\$export")


class Vendor(Personality):
    """NextGen Office."""

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """An export of a group is ordered below the base for bulk data."""
        bulk = str(self.settings["paths"]["bulk"])
        if path.startswith(bulk) and _EXPORT.fullmatch(path, len(bulk)):
            return self.fhir_path(facts).rstrip("/") + path[len(bulk) :]
        return path

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The one for groups."""
        told, fhir = self.settings, self.fhir_path(facts).rstrip("/")
        prefix = str(told["shape"]["tables"]["chart_prefix"])
        return (GroupsApi(str(told["paths"]["bulk"]), fhir, prefix, told["bulk_groups"]),)

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Numbers; groups have UUIDs."""
        return NumberedIds(facts.key, self.settings["ids"]["forms"])

    def identified(self, system: str, value: str, facts: SiteFacts) -> str:
        """A chart number is an id with letters in front."""
        prefix = str(self.settings["shape"]["tables"]["chart_prefix"])
        number = value.removeprefix(prefix)
        return number if value.startswith(prefix) and number.isascii() and number.isdigit() else ""

    def record_number(self, value: str) -> str:
        """None of the population's is shown."""
        return ""

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """The chart number of a patient is its id with letters in front."""
        made = super().shape(made, clean, dresser, flavour)
        drug = dresser.neighbour(str(clean.get("medicationReference", {}).get("reference", "")))
        if drug is not None:  # there is no Medication to refer to
            made.pop("medicationReference", None)
            made["medicationCodeableConcept"] = drug.get("code", {})
        prefix = self.settings["shape"]["tables"]["chart_prefix"]
        for one in made.get("identifier", ()) if made["resourceType"] == "Patient" else ():
            if code_in(one.get("type")) == "MR":
                one["value"] = f"{prefix}{made['id']}"
        return made

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """HAPI's OperationOutcome."""
        reply = Reply(problem.status, self.problem_headers(problem, base_url))
        reply.document = hapi_outcome(problem)
        reply.content_type = self.error_type(accept)
        return reply

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """HAPI's statement: an id, few parameters, some of a strange kind."""
        made = super().capability({"id": self._uuid("statement"), **document}, facts, base_url)
        told = self.settings["capability"]
        for rest in made.get("rest", ()):
            rest["resource"] = [_type(one, told) for one in rest["resource"] if one["type"] not in told["hidden"]]
            rest.pop("operation", None)
        return made


def _type(entry: JSON, told: Mapping[str, Any]) -> JSON:
    kept = ("type", "profile", "supportedProfile", "interaction")
    made: JSON = {name: entry[name] for name in kept if name in entry}
    names = [name.partition(":")[::2] for name in told["parameters"].get(entry["type"], ())]
    if not names:
        return {**made, "searchInclude": ["*"]}
    known = {one["name"]: one["type"] for one in entry.get("searchParam", ())}
    parameters = [{"name": name, "type": kind or known.get(name, "token")} for name, kind in names]
    included = sorted(f"{entry['type']}:{one['name']}" for one in parameters if one["type"] == "reference")
    return {
        **made,
        "searchInclude": ["*", *included],
        "searchRevInclude": ["Provenance:target"],
        "searchParam": parameters,
    }
