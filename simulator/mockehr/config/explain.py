"""Documents checked against pydantic models, and every fault told at once with file, line, key and nearest name.

Names that only a registry knows (quirks, personalities, probes) are checked in the same pass: a field of type
`Annotated[str, known_as("quirk")]` is compared with what the caller of `validate` passes as `known["quirk"]`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BaseModel, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from mockehr.config.document import Document, Finding, KeyPath, refusal, unknown

M = TypeVar("M", bound=BaseModel)
Known = Mapping[str, Collection[str]]
"""Kind of thing (`quirk`, `personality`, …) → the names there are. A kind that is absent is not checked. Where the
names are a mapping to collections, those are the settings of each."""

_QUOTED = re.compile(r"'([^']*)'")
_EXTRA = frozenset(("extra_forbidden", "unexpected_keyword_argument"))
_SECRET = re.compile(r"secret|password|token|key", re.IGNORECASE)


def validate(model: type[M], document: Document, *, known: Known | None = None) -> M:
    """The document as `model`; raises ConfigError with all problems, in the order of the file."""
    try:
        return model.model_validate(document.value, context={"known": known or {}})
    except ValidationError as error:
        raise refusal(document, findings(error, model)) from error


def known_as(kind: str) -> AfterValidator:
    """A check for a name of that kind, to be put into `Annotated`."""

    def check(name: str, info: ValidationInfo) -> str:
        names = known_names(info, kind)
        if names is not None and name not in names:
            raise PydanticCustomError(
                "unknown_name", "There is no {kind} named {name}", {"kind": kind, "name": name, "known": list(names)}
            )
        return name

    return AfterValidator(check)


def refuse_settings(given: Collection[str], allowed: Collection[str], owner: str) -> None:
    """For validators: refuse every name in `given` that is not `allowed`, as settings of `owner`."""
    foreign = [name for name in given if name not in allowed]
    if foreign:
        facts = {"owner": owner, "foreign": foreign, "known": list(allowed)}
        raise PydanticCustomError("unknown_settings", "{owner} has no such setting", facts)


def known_names(info: ValidationInfo, kind: str) -> Collection[str] | None:
    """The names of that kind which the caller of `validate` knows; None if it did not say."""
    context = info.context
    known: Known = context.get("known", {}) if isinstance(context, dict) else {}
    return known.get(kind)


def findings(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """Everything that a ValidationError of `model` complains of, each place once."""
    found: dict[KeyPath, Finding] = {}
    for details in error.errors(include_url=False):
        path, around = _locate(model, details)
        for finding in _explain(details, path, around):
            other = found.get(finding.path)
            found[finding.path] = finding if other is None else _either(other, finding)
    return list(found.values())


def _either(first: Finding, second: Finding) -> Finding:
    """A value that fits no member of a union is told of once."""
    if second.wrong in first.wrong:
        return first
    allowed = tuple(dict.fromkeys((*first.allowed, *second.allowed)))
    return Finding(first.path, f"{first.wrong}, or: {second.wrong}", first.nearest or second.nearest, allowed)


def _explain(details: ErrorDetails, path: KeyPath, around: Sequence[Any]) -> Iterator[Finding]:
    kind, facts = details["type"], details.get("ctx", {})
    shown = _show(details["input"], path)
    match kind:
        case "extra_forbidden" | "unexpected_keyword_argument":
            yield unknown(path, "there is no such setting", str(path[-1]), _fields(around))
        case "missing":
            yield Finding(path, "is required")
        case "literal_error" | "enum":
            choices = _QUOTED.findall(str(facts["expected"]))
            wrong = f"{shown} is not valid" if choices else f"{shown} is not {facts['expected']}"
            yield unknown(path, wrong, str(details["input"]), choices)
        case "union_tag_invalid":
            inner = (*path, str(facts["discriminator"]).strip("'"))
            tag = str(facts["tag"])
            yield unknown(inner, f"{tag!r} is not valid", tag, _QUOTED.findall(str(facts["expected_tags"])))
        case "union_tag_not_found":
            yield Finding((*path, str(facts["discriminator"]).strip("'")), "is required")
        case "unknown_name":
            name = str(facts["name"])
            yield unknown(path, f"there is no {facts['kind']} named {name!r}", name, facts["known"])
        case "unknown_settings":
            for name in facts["foreign"]:
                yield unknown((*path, name), f"{facts['owner']} has no such setting", name, facts["known"])
        case "value_error" | "assertion_error":
            yield Finding(path, details["msg"].partition(", ")[2])
        case "model_type" | "dict_type" | "model_attributes_type":
            yield Finding(path, f"should be a mapping, not {shown}")
        case "too_short" | "too_long":
            yield Finding(path, details["msg"].replace(" after validation", "").lower())
        case _:
            message = details["msg"].removeprefix("Input ")
            yield Finding(path, f"{message[:1].lower()}{message[1:]}, not {shown}")


def _show(value: Any, path: KeyPath) -> str:
    if path and isinstance(path[-1], str) and _SECRET.search(path[-1]):
        return "the value given"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _locate(model: type[BaseModel], details: ErrorDetails) -> tuple[KeyPath, list[Any]]:
    """Where in the document an error lies, and the types that could stand around its last step.

    pydantic puts the names of union members into its locations; what no type can step into is such a name.
    """
    location = list(details["loc"])
    last = location.pop() if details["type"] in _EXTRA and location else None
    candidates: list[Any] = list(_members(model))
    path: list[str | int] = []
    for part in location:
        inner = [step for candidate in candidates for step in _step(candidate, part)]
        if inner:
            candidates = inner
            path.append(part)
        else:
            candidates = [c for c in candidates if _is_member(c, part)] or candidates
    if last is not None:
        path.append(last)
    return tuple(path), candidates


def _members(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, without wrapping."""
    if hasattr(annotation, "__value__"):  # a named alias
        yield from _members(annotation.__value__)
    elif get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _step(annotation: Any, part: str | int) -> Iterator[Any]:
    if _is_model(annotation):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                yield from _members(field.annotation)
        return
    if _is_value(annotation):
        if part in (hints := get_type_hints(annotation)):
            yield from _members(hints[str(part)])
        return
    origin, inner = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type):
        if annotation is Any or annotation in (dict, list):
            yield Any
    elif issubclass(origin, Mapping) and isinstance(part, str) and part != "[key]":
        yield from _members(inner[1])
    elif issubclass(origin, Sequence | set | frozenset) and isinstance(part, int):
        yield from _members(inner[0])


def _is_member(annotation: Any, label: str | int) -> bool:
    """True if a union's label means this member: its class name, or the value of its discriminating field."""
    if not _is_model(annotation):
        return False
    marks = (get_args(field.annotation) for field in annotation.model_fields.values())
    return annotation.__name__ == label or any(label in values for values in marks)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_value(annotation: Any) -> bool:
    """True for a plain dataclass, which pydantic reads like a model."""
    return isinstance(annotation, type) and is_dataclass(annotation)


def _fields(candidates: Sequence[Any]) -> list[str]:
    """The names that a document may use for the fields of any of these models or dataclasses."""
    models = filter(_is_model, candidates)
    names = [field.alias or name for model in models for name, field in model.model_fields.items()]
    return names + [field.name for value in filter(_is_value, candidates) for field in fields(value)]
