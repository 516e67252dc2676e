"""AdvancedMD's way of speaking over FHIR: addresses, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.envelopes import QUOTA, outcome, titled
from mockehr.personalities.advancedmd.ids import AdvancedIds
from mockehr.personalities.advancedmd.ppmd.door import Ppmd
from mockehr.personalities.advancedmd.rest.directory import EndpointDirectory
from mockehr.personalities.advancedmd.rest.portal import PatientPortal
from mockehr.personalities.advancedmd.rest.scheduler import Scheduler
from mockehr.personalities.advancedmd.rules import AdvancedRules
from mockehr.personalities.advancedmd.statement import statement_of
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.filling import filled
from mockehr.personalities.ids import IdCodec
from mockehr.personalities.model import Personality
from mockehr.personalities.proprietary import Api

ROOT: Final = "/v1/r4"


class Vendor(Personality):
    """AdvancedMD."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        key = facts.key("office") if facts is not None else b"\0" * 8
        self.office = str(settings["office"] or 100_000 + int.from_bytes(key[:4], "big") % 890_000)
        """The practice's office key."""
        told = {section: settings[section] for section in ("token", "bulk")}
        super().__init__(name, {**settings, **filled(told, {"office": self.office})}, facts)
        self.rules = AdvancedRules(settings["search"])

    # where things are

    def tenant(self, facts: SiteFacts) -> str:
        """The organization's number, as in `174`."""
        return facts.tenant or str(176 + int.from_bytes(facts.key("tenant")[:4], "big") % 9_000)

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """FHIR answers without the organization's number as well."""
        base = self.fhir_path(facts).rstrip("/")
        if path == base or path.startswith(f"{base}/") or not path.startswith(f"{ROOT}/"):
            return base if path == ROOT else path
        first = path[len(ROOT) + 1 :].partition("/")[0]
        return path if first == "endpoints" or first.isdecimal() else base + path[len(ROOT) :]

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """ppmdmsg, the scheduler, what patients' apps have, and the directory of organizations."""
        fhir, told = self.fhir_path(facts).rstrip("/"), self.settings["ppmd"]
        return (
            Ppmd(told, facts.name, self.office, fhir),
            Scheduler(told),
            PatientPortal(told, self.office),
            EndpointDirectory(f"{ROOT}/endpoints", fhir, facts.name, self.tenant(facts)),
        )

    # resources

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Whole numbers; Groups begin with the office key."""
        return AdvancedIds(facts.key, self.settings["ids"]["forms"], int(self.office))

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """An OperationOutcome with a text; what the gateway refuses has a title and a detail."""
        headers = [pair for pair in self.problem_headers(problem, base_url) if pair[0] != "Retry-After"]
        if problem.kind == "rate-limited" and problem.status == 429:
            return Reply(429, headers, document=titled(*QUOTA), content_type="application/json")
        return Reply(problem.status, headers, document=outcome(problem), content_type="application/fhir+json")

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """With how long the refresh token is good, and who the user is."""
        made = dict(document)
        if "refresh_token" in made:
            made["refresh_token_expires_in"] = int(self.settings["token"]["refresh_expires_in"])
        if grant is not None and grant.user:
            made["fhirUser"] = grant.user
            made["userId"] = grant.user.rpartition("/")[2]
        return made

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With what the product's own statement has, and nothing else."""
        parts = urlsplit(base_url)
        made = filled(super().capability(document, facts, base_url), {"host": f"{parts.scheme}://{parts.hostname}"})
        return statement_of(made, self.settings["capability"])

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With the scopes of every type in both dialects, for patients and users; for systems hardly any."""
        own = self.settings["smart_configuration"]
        kinds = [*self.settings["capability"]["parameters"], "Provenance", *own["beyond"]]
        found = list(own["scopes"])
        for persona, told in (("patient", sorted(kinds)), ("system", own["beyond"][:2]), ("user", sorted(kinds))):
            found += [f"{persona}/{kind}.{letters}" for kind in ("*", *told) for letters in ("read", "rs")]
        return super().smart_configuration({**document, "scopes_supported": found}, facts, base_url)
