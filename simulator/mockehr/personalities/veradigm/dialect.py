"""Veradigm's way of speaking over FHIR: addresses, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.elements import resource_types
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.outcome import generic_outcome
from mockehr.personalities.proprietary import Api
from mockehr.personalities.veradigm.redaction import redacted
from mockehr.personalities.veradigm.rules import VeradigmRules
from mockehr.personalities.veradigm.statement import statement_of
from mockehr.personalities.veradigm.unity.door import Unity

ISSUER: Final = "/pro/authorization"
_OTHER_NAMES: Final[Mapping[str, str]] = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]+")


class Vendor(Personality):
    """Veradigm."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self.rules = VeradigmRules(settings["search"])
        self._types = {kind.lower(): kind for kind in resource_types(self.fhir_version)}

    # where things are

    def tenant(self, facts: SiteFacts) -> str:
        """A number of eight digits, as in `10066006`."""
        return facts.tenant or str(10_000_000 + int.from_bytes(facts.key("tenant")[:4], "big") % 600_000)

    def issuer(self, root: str, facts: SiteFacts) -> str:
        """On another host than FHIR, where this machine has another name; else on the same."""
        if self.settings["token"]["issuer"] != "elsewhere":
            return super().issuer(root, facts)
        return elsewhere(root) + ISSUER

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """Types are understood in lower case, too."""
        base = self.fhir_path(facts).rstrip("/")
        if not path.startswith(base + "/"):
            return path
        first, slash, rest = path[len(base) + 1 :].partition("/")
        kind = self._types.get(first)
        return f"{base}/{kind}{slash}{rest}" if kind is not None else path

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """Unity."""
        return (Unity(self.settings["unity"], facts.name),)

    # resources

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Numbers."""
        return NumberedIds(facts.key, self.settings["ids"]["forms"])

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """As the standard has it, and what is redacted marked as such."""
        made = super().shape(made, clean, dresser, flavour)
        return redacted(made, dresser, self.settings["shape"]["tables"])

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """An OperationOutcome with `diagnostics`; 413 for what is too large."""
        status = 413 if problem.kind == "too-costly" else problem.status
        outcome = generic_outcome([problem])
        for issue in outcome["issue"]:
            issue["diagnostics"] = issue.pop("details")["text"]
        headers = self.problem_headers(problem, base_url)
        return Reply(status, headers, document=outcome, content_type=self.error_type(accept))

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """Without the patient, whom only the claims of the access token tell."""
        return {name: value for name, value in document.items() if name != "patient"}

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With what the product's own statement has besides."""
        return statement_of(super().capability(document, facts, base_url), self.settings["capability"])

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With the scopes of every type in both dialects, for patients, users and systems."""
        told = self.settings["interactions"]
        found = list(self.settings["smart_configuration"]["scopes"])
        for kind in sorted(told["resources"]):
            offered = frozenset(told["types"].get(kind, told["default"]))
            for persona in ("patient", "user", "system"):
                found += [f"{persona}/{kind}.read", f"{persona}/{kind}.rs"]
                found += [f"{persona}/{kind}.write", f"{persona}/{kind}.cu"] if "create" in offered else []
        return super().smart_configuration({**document, "scopes_supported": found}, facts, base_url)


def elsewhere(root: str) -> str:
    """The root of a site by the other name of its machine, if it has one."""
    parts = urlsplit(root)
    other = _OTHER_NAMES.get(parts.hostname or "")
    if other is None:
        return root
    return urlunsplit(parts._replace(netloc=other if parts.port is None else f"{other}:{parts.port}"))
