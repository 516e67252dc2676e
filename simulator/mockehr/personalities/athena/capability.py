"""athenahealth's CapabilityStatement, with its doubles. Sources: notes.md, section Metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena.look import BASE, STRUCTURES
from mockehr.personalities.filling import filled_text

_OAUTH_URIS: Final = "fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_PARAMETERS: Final = BASE + "SearchParameter/"
_ENDS: Final = ("authorize", "token", "introspect", "revoke")
_KINDS: Final = {"cursor": "token", "_count": "number", "_include": "special", "_revinclude": "special",
                 "_query": "string", "questionnaireCode": "token", "_sort": "special"}  # fmt: skip
_TOKENS: Final = ("ah-include-", "ah-most-recent-", "ah-redact-")


Combinations = Callable[[str], Sequence[Sequence[str]]]
"""Resource type → the combinations of parameters of which a search of it needs one."""


def rest(told: JSON, settings: Mapping[str, Any], combinations: Combinations, root: str) -> JSON:
    """The one `rest` of the statement."""
    own = settings["capability"]
    names = [name for name in own["types"] if name in settings["interactions"]["resources"]]
    resources = [_type(name, settings, combinations) for name in names]
    parameters = [_parameter("ah-practice"), _parameter("_security")]
    return {
        "security": _security(told.get("security", {}), settings, root),
        "resource": resources,
        "mode": "server",
        "searchParam": parameters,
    }


def _security(told: JSON, settings: Mapping[str, Any], root: str) -> JSON:
    """The addresses twice, the first time under a name that is none."""
    paths = settings["paths"]
    ends = [{"valueUri": root + filled_text(str(paths[name]), {}), "url": name} for name in _ENDS]
    extensions = [
        {"url": f"http://{front}{_OAUTH_URIS}", "extension": [dict(one) for one in ends]} for front in ("DSTU2/", "")
    ]
    system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    service = [
        {"text": "OAuth (unspecified version see oauth.net).", "coding": [{"code": "OAuth", "system": system}]},
        *(
            {"text": one.get("text", ""), "coding": [{"code": "SMART-on-FHIR", "system": system}]}
            for one in told.get("service", ())
        ),
    ]
    return {"cors": True, "extension": extensions, "service": service}


def _type(kind: str, settings: Mapping[str, Any], combinations: Combinations) -> JSON:
    own, offered = settings["capability"], settings["interactions"]
    listed = own["types"][kind]
    interactions = offered["types"].get(kind, offered["default"])
    codes = [{"code": "search-type" if name == "search" else name} for name in interactions]
    made: JSON = {"type": kind}
    if codes:
        made["interaction"] = codes * (2 if kind in own["doubled"] else 1)
        made["profile"] = STRUCTURES + f"ah-{kind.lower()}"
    for name in ("supportedProfile", "searchInclude"):
        if listed.get(name):
            made[name] = list(listed[name])
    if "search" in interactions:
        made["searchParam"] = [_parameter(name) for name in listed.get("parameters", ())]
        wanted = combinations(kind) if kind in settings["search"]["types"] else ()
        if wanted:
            made["extension"] = [_metadata(wanted)]
        if listed.get("revinclude", True):
            made["searchRevInclude"] = ["Provenance:target"]
    if listed.get("operations"):
        made["operation"] = [
            {"name": name, "definition": f"{BASE}OperationDefinition/{definition}"}
            for name, definition in listed["operations"].items()
        ]
    return made


def _metadata(wanted: Any) -> JSON:
    told = [{"url": "requiredAnySearchParams", "valueString": ", ".join(one)} for one in wanted]
    return {"url": STRUCTURES + "ah-search-parameter-metadata", "extension": told}


def _parameter(name: str) -> JSON:
    """A parameter by name; the standard's own are told without their definitions."""
    kind = _KINDS.get(name) or _KIND_OF.get(name, "token")
    made: JSON = {"name": name, "type": kind}
    if name == "cursor":
        made["definition"] = _PARAMETERS + "ah-cursor"
    elif name.startswith("ah-"):
        made["type"] = "token" if name.startswith(_TOKENS) else "reference"
        made["definition"] = _PARAMETERS + name
    return made


_KIND_OF: Final = {
    **dict.fromkeys(("patient", "subject", "encounter", "performer", "requester", "author", "custodian", "result",
                     "location", "service-provider", "practitioner", "target", "medication", "device-name"),
                    "reference"),
    **dict.fromkeys(("date", "_lastUpdated", "authoredon", "authored", "birthdate"), "date"),
    **dict.fromkeys(("name", "family", "given"), "string"),
}  # fmt: skip
