"""Practice Fusion's way of speaking: a foreign server behind a gateway. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.filling import filled_text
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.practice_fusion.gateway import Gateway, HealthRecords
from mockehr.personalities.proprietary import Api

_WELL_KNOWN: Final = "/.well-known/smart-configuration"
_SERVICES: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"


class Vendor(Personality):
    """Practice Fusion."""

    def ids(self, facts: SiteFacts) -> IdCodec:
        """GUIDs for everything."""
        kinds = self.settings["interactions"]["resources"]
        return NumberedIds(facts.key, dict.fromkeys(kinds, "{uuid}") | self.settings["ids"]["forms"])

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """The patients' base stands for that of the practice, but for its discovery document."""
        patients, base = self._path("patients", facts), self.fhir_path(facts)
        if not patients or path == patients + _WELL_KNOWN:
            return path
        if path == patients or path.startswith(f"{patients}/"):
            return base.rstrip("/") + path.removeprefix(patients)
        return path

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The gateway and the API of personal health records."""
        phr = self._path("phr", facts)

        def request_id(number: int) -> str:
            return facts.key("request", number).hex()[:32]

        gateway = Gateway(self._path("patients", facts) + _WELL_KNOWN, self._for_patients, request_id)
        return (gateway, HealthRecords(phr)) if phr else (gateway,)

    def _for_patients(self, base_url: str) -> JSON:
        """The discovery document of patients' apps: the same, from another issuer."""
        root = base_url.removesuffix(self.fhir_path(self.facts).rstrip("/"))
        names = {"root": root, "tenant": self.tenant(self.facts)}
        document = {
            "authorization_endpoint": root + self.authorize_path(self.facts),
            "token_endpoint": root + self.token_path(self.facts),
            "introspection_endpoint": root + self.oauth_path("introspect", self.facts),
            "jwks_uri": root + self.jwks_path(self.facts),
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-standalone", "context-standalone-patient", "permission-patient"],
        }
        made = self.smart_configuration(document, self.facts, base_url)
        return made | {"issuer": filled_text(str(self.settings["patients"]["issuer"]), names)}

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """A kind of server and not this one: profiles by version, includes with dots, and what leaked."""
        made = super().capability(document, facts, base_url)
        for rest in made.get("rest", ()):
            rest["resource"] = [self._type(one) for one in rest.get("resource", ())]
            security = rest.get("security", {})
            security.pop("cors", None)
            for service in security.get("service", ()):
                service["coding"].append({"system": _SERVICES, "code": "Certificates"})
        return made

    def _type(self, told: JSON) -> JSON:
        own, kind = self.settings["capability"], str(told["type"])
        parameters = [_parameter(one) for one in told.get("searchParam", ())]
        references = [str(one["name"]) for one in parameters if one["type"] == "reference"]
        kept = ("type", "interaction", "versioning", "conditionalCreate", "operation")
        made: JSON = {name: told[name] for name in kept if name in told}
        made["profile"] = f"{own['profiles']}{kind}"
        if parameters:
            listed = [*references, *own["leaked"].get(kind, ())]
            made |= {"searchInclude": [f"{kind}.{name}" for name in listed]} if listed else {}
            made["searchParam"] = parameters
        return made


def _parameter(told: JSON) -> JSON:
    """One search parameter, those of every type as those of Resource."""
    name = str(told["name"])
    made: dict[str, Any] = {"name": name, "type": told["type"]}
    if name.startswith("_"):
        made["definition"] = f"http://hl7.org/fhir/SearchParameter/Resource-{name[1:]}"
    elif "definition" in told:
        made["definition"] = told["definition"]
    return made
