"""The invariants of resources and their parts; `invariants` says what is covered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.fhir.validation.rules import (
    Node,
    Rule,
    choice_names,
    chosen,
    coded,
    has,
    in_order,
    needs,
    not_both,
    one_of,
)

_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_ALLERGY_VERIFIED: Final = _TERMS + "allergyintolerance-verification"
_CONDITION_VERIFIED: Final = _TERMS + "condition-ver-status"


def _is_valueless(observation: Node) -> bool:
    return choice_names("Observation", "value").isdisjoint(observation)


def _entries(bundle: Node) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = bundle.get("entry", [])
    return entries


def _has_as_asked(bundle: Node, part: str, kinds: tuple[str, ...]) -> bool:
    wanted = bundle.get("type") in kinds
    return all((part in entry) == wanted for entry in _entries(bundle))


def _are_distinct(bundle: Node) -> bool:
    if bundle.get("type") == "history":
        return True
    names = [
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId", ""))
        for entry in _entries(bundle)
        if "fullUrl" in entry
    ]
    return len(set(names)) == len(names)


def _first_is(kind: str, resource_type: str) -> Any:
    def holds(bundle: Node) -> bool:
        entries = _entries(bundle)
        return bundle.get("type") != kind or (
            bool(entries) and entries[0].get("resource", {}).get("resourceType") == resource_type
        )

    return holds


def _has_identity(bundle: Node) -> bool:
    identifier = bundle.get("identifier", {})
    return bundle.get("type") != "document" or (has(identifier, "system") and has(identifier, "value"))


_BUNDLE: Final = (
    Rule(
        "bdl-1",
        "only a searchset or a history has a total",
        lambda node: not has(node, "total") or node.get("type") in ("searchset", "history"),
    ),
    Rule(
        "bdl-2",
        "only the entries of a searchset have search",
        lambda node: node.get("type") == "searchset" or not any("search" in entry for entry in _entries(node)),
    ),
    Rule(
        "bdl-3",
        "each entry of a batch, transaction or history has a request, and no other has",
        lambda node: _has_as_asked(node, "request", ("batch", "transaction", "history")),
    ),
    Rule(
        "bdl-4",
        "each entry of a batch-response, transaction-response or history has a response, and no other has",
        lambda node: _has_as_asked(node, "response", ("batch-response", "transaction-response", "history")),
    ),
    Rule("bdl-7", "a fullUrl comes once, but for other versions", _are_distinct),
    Rule("bdl-9", "a document has an identifier with system and value", _has_identity),
    Rule("bdl-10", "a document has a timestamp", lambda node: node.get("type") != "document" or "timestamp" in node),
    Rule("bdl-11", "a document begins with a Composition", _first_is("document", "Composition")),
    Rule("bdl-12", "a message begins with a MessageHeader", _first_is("message", "MessageHeader")),
)


def _is_parameter(node: Node) -> bool:
    return ("part" in node) + ("resource" in node) + chosen(node, "value") == 1


def _repeats_itself(observation: Node) -> bool:
    """Whether a component has the code of the whole, which has a value already."""
    codings = _codings(observation.get("code"))
    return any(codings & _codings(component.get("code")) for component in observation.get("component", ()))


def _codings(concept: Node | None) -> frozenset[tuple[str, str]]:
    codings = concept.get("coding", ()) if concept else ()
    return frozenset((coding.get("system", ""), coding.get("code", "")) for coding in codings if "code" in coding)


_OBSERVATION: Final = (
    Rule(
        "obs-6",
        "a reason for absence is given only where there is no value",
        lambda node: "dataAbsentReason" not in node or _is_valueless(node),
    ),
    Rule(
        "obs-7",
        "where a component has the code of the observation, the observation has no value",
        lambda node: "component" not in node or _is_valueless(node) or not _repeats_itself(node),
    ),
)


def _is_void(node: Node, system: str) -> bool:
    return coded(node.get("verificationStatus"), system, "entered-in-error")


_ALLERGY: Final = (
    Rule(
        "ait-1",
        "clinicalStatus is there, unless entered in error",
        lambda node: "clinicalStatus" in node or _is_void(node, _ALLERGY_VERIFIED),
    ),
    Rule(
        "ait-2",
        "what was entered in error has no clinicalStatus",
        lambda node: not ("clinicalStatus" in node and _is_void(node, _ALLERGY_VERIFIED)),
    ),
)


def _is_problem(node: Node) -> bool:
    return any(coded(part, _TERMS + "condition-category", "problem-list-item") for part in node.get("category", ()))


_CONDITION: Final = (
    Rule(
        "con-3",
        "a problem of the list has a clinicalStatus, unless entered in error",
        lambda node: "clinicalStatus" in node or _is_void(node, _CONDITION_VERIFIED) or not _is_problem(node),
        "warning",
    ),
    Rule(
        "con-4",
        "what has abated is inactive, resolved or in remission",
        lambda node: (
            not chosen(node, "abatement")
            or coded(node.get("clinicalStatus"), _TERMS + "condition-clinical", "resolved", "remission", "inactive")
        ),
    ),
    Rule(
        "con-5",
        "what was entered in error has no clinicalStatus",
        lambda node: not ("clinicalStatus" in node and _is_void(node, _CONDITION_VERIFIED)),
    ),
)
_APPOINTMENT: Final = (
    Rule("app-2", "start and end are both there, or neither", lambda node: has(node, "start") == has(node, "end")),
    Rule(
        "app-3",
        "only what is proposed, cancelled or on the waitlist has no start and end",
        lambda node: has(node, "start") or node.get("status") in ("proposed", "cancelled", "waitlist", None),
    ),
    Rule(
        "app-4",
        "only what is cancelled or a no-show has a cancelationReason",
        lambda node: "cancelationReason" not in node or node.get("status") in ("cancelled", "noshow", "no-show"),
    ),
)


def _link_ids(node: Node) -> Iterator[str]:
    for item in node.get("item", ()):
        yield item.get("linkId", "")
        yield from _link_ids(item)


def _has_own_links(node: Node) -> bool:
    ids = list(_link_ids(node))
    return len(set(ids)) == len(ids)


def _no_home(name: str) -> Any:
    return lambda node: not any(part.get("use") == "home" for part in node.get(name, ()))


_LIST: Final = (
    Rule("lst-1", "a list that says why it is empty has no entries", not_both("emptyReason", "entry")),
    Rule(
        "lst-2",
        "only a list of changes has deleted entries",
        lambda node: (
            node.get("mode") == "changes" or not any(has(entry, "deleted") for entry in node.get("entry", ()))
        ),
    ),
    Rule(
        "lst-3",
        "only a working list dates its entries",
        lambda node: node.get("mode") == "working" or not any(has(entry, "date") for entry in node.get("entry", ())),
    ),
)
_QUESTION_OPTIONS: Final = (
    "choice",
    "open-choice",
    "decimal",
    "integer",
    "date",
    "dateTime",
    "time",
    "string",
    "quantity",
)
_QUESTION_LENGTHS: Final = ("boolean", "decimal", "integer", "string", "text", "url", "open-choice")
_QUESTION: Final = (
    Rule(
        "que-1",
        "a group has items, a display has none",
        lambda node: (
            "item" in node if node.get("type") == "group" else node.get("type") != "display" or "item" not in node
        ),
    ),
    Rule("que-4", "answerOption and answerValueSet exclude each other", not_both("answerOption", "answerValueSet")),
    Rule(
        "que-5",
        "only questions that are chosen from have options",
        lambda node: node.get("type") in _QUESTION_OPTIONS or not has(node, "answerOption", "answerValueSet"),
    ),
    Rule(
        "que-6",
        "a display is neither required nor repeated",
        lambda node: node.get("type") != "display" or not has(node, "required", "repeats"),
    ),
    Rule(
        "que-8",
        "groups and displays have no initial value",
        lambda node: node.get("type") not in ("group", "display") or "initial" not in node,
    ),
    Rule(
        "que-10",
        "only questions that are written out have a maxLength",
        lambda node: node.get("type") in _QUESTION_LENGTHS or not has(node, "maxLength"),
    ),
    Rule("que-11", "answerOption and initial exclude each other", not_both("answerOption", "initial")),
    Rule(
        "que-12",
        "more than two conditions say how they go together",
        lambda node: len(node.get("enableWhen", ())) <= 2 or has(node, "enableBehavior"),
    ),
)
RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "AllergyIntolerance": _ALLERGY,
        "Appointment": _APPOINTMENT,
        "Appointment.participant": (Rule("app-1", "a type or an actor is there", one_of("type", "actor")),),
        "Bundle": _BUNDLE,
        "Bundle.entry": (
            Rule(
                "bdl-5", "an entry has a resource, a request or a response", one_of("resource", "request", "response")
            ),
            Rule("bdl-8", "a fullUrl names no version", lambda node: "/_history/" not in node.get("fullUrl", "")),
        ),
        "CarePlan.activity": (
            Rule("cpl-3", "detail and reference exclude each other", not_both("detail", "reference")),
        ),
        "Composition.section": (
            Rule("cmp-1", "a section has text, entries or sections", one_of("text", "entry", "section")),
            Rule("cmp-2", "a section that says why it is empty has no entries", not_both("emptyReason", "entry")),
        ),
        "Condition": _CONDITION,
        "Condition.evidence": (Rule("con-2", "a code or a detail is there", one_of("code", "detail")),),
        "Condition.stage": (Rule("con-1", "a summary or an assessment is there", one_of("summary", "assessment")),),
        "Consent": (Rule("ppc-1", "a policy or a policyRule is there", one_of("policy", "policyRule")),),
        "FamilyMemberHistory": (
            Rule("fhs-1", "age and birth exclude each other", lambda n: not (chosen(n, "age") and chosen(n, "born"))),
            Rule("fhs-2", "only an age is estimated", lambda n: chosen(n, "age") or not has(n, "estimatedAge")),
        ),
        "Goal.target": (
            Rule("gol-1", "a detail has its measure", lambda n: not chosen(n, "detail") or "measure" in n),
        ),
        "Group": (
            Rule("grp-1", "only an actual group has members", lambda n: "member" not in n or n.get("actual") is True),
        ),
        "Immunization.education": (
            Rule("imm-1", "a documentType or a reference is there", one_of("documentType", "reference")),
        ),
        "List": _LIST,
        "MedicationAdministration.dosage": (
            Rule("mad-1", "a dose or a rate is there", lambda node: "dose" in node or chosen(node, "rate")),
        ),
        "MedicationDispense": (
            Rule(
                "mdd-1",
                "nothing is handed over before it is prepared",
                lambda node: in_order(node.get("whenPrepared"), node.get("whenHandedOver")),
            ),
        ),
        "Observation": _OBSERVATION,
        "Observation.referenceRange": (
            Rule("obs-3", "a range has low, high or text", one_of("low", "high", "text")),
        ),
        "Organization": (
            Rule("org-1", "an organization has an identifier or a name", one_of("identifier", "name")),
            Rule("org-2", "an organization's address is nobody's home", _no_home("address")),
            Rule("org-3", "an organization's telecom is nobody's home", _no_home("telecom")),
        ),
        "Parameters.parameter": (Rule("inv-1", "a parameter has one of value, resource and part", _is_parameter),),
        "Patient.contact": (
            Rule(
                "pat-1",
                "a contact has a name, telecom, address or organization",
                one_of("name", "telecom", "address", "organization"),
            ),
        ),
        "Questionnaire": (Rule("que-2", "a linkId comes once", _has_own_links),),
        "Questionnaire.item": _QUESTION,
        "QuestionnaireResponse.item": (
            Rule("qrs-1", "answers and items exclude each other", not_both("answer", "item")),
        ),
        "ServiceRequest": (Rule("prr-1", "a detail of an order goes with its code", needs("orderDetail", "code")),),
    }
)
