"""What a vendor wants of a search before it looks: data from `personality.yaml`, checked by one small engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.errors import ConfigError, nearest_names
from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.core.problem import Kind, Problem

Parameters = Sequence[tuple[str, str]]

_UNBOUND: Final = 1 << 30
PAGINGS: Final = ("token", "cursor", "page")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of `any` must be there, unless one of `unless` is. `text`, `code`, `at` are the vendor's words."""

    any: frozenset[str]
    text: str
    unless: frozenset[str] = frozenset()
    code: str = ""
    issue: str = ""
    at: str = ""
    status: int = 400


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules of one resource type, in the order in which they are checked."""

    requirements: tuple[Requirement, ...] = ()
    exclusive: tuple[tuple[frozenset[str], str], ...] = ()
    """Of each set at most one parameter may be there; with the vendor's words."""
    once: tuple[tuple[str, str], ...] = ()
    """Parameters that may be there only once, in one value; with the vendor's words."""
    values: tuple[tuple[str, re.Pattern[str], str], ...] = ()
    """(parameter, what each value must look like, the vendor's words)."""
    together: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    """(parameter, prefixes that its values must have between them, the vendor's words)."""
    enough: tuple[frozenset[str], ...] = ()
    """Sets of parameters of which one must be complete for anything to match; none: anything may match."""
    default_size: int | None = None
    largest_size: int | None = None
    unpaged: bool = False
    total_absent: bool = False


def one_of(name: str, told: object, known: Sequence[str]) -> str:
    """A setting that is one of some words; raises ConfigError for another."""
    if told not in known:
        near = ", ".join(nearest_names(str(told), known))
        raise ConfigError(f"The setting {name} is {told!r}.", nearest=near, remedy=f"Use one of: {', '.join(known)}.")
    return str(told)


class SearchRules:
    """The search rules of one personality, ready for use.

    `settings` is the section `search` of `personality.yaml`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.page_parameter = str(settings["page_parameter"])
        self.paging = one_of("search.paging", settings["paging"], PAGINGS)
        """What the paging token is: `token`, `cursor` or `page` (see `mockehr.fhir.server.Restrictions`)."""
        self._count_parameter = str(settings["count_parameter"])
        self.lag = float(settings["lag"])
        """Seconds for which what was just written is not found."""
        self.lag_header = str(settings["lag_header"]).lower()
        self.unknown = str(settings["unknown"])
        self.total_policy = str(settings["total"])
        self.most_matches = int(settings["most_matches"])
        """How many matches a search may have; one with more is refused as too costly. 0 for any number."""
        self._default = int(settings["default_size"])
        self._largest = int(settings["largest_size"])
        self._noted = frozenset(settings["unknown_noted"])
        self._types = {name: _type_rules(rules) for name, rules in settings["types"].items()}
        self._plain = TypeRules()

    def of(self, resource_type: str) -> TypeRules:
        """The rules of a type; none for a type without its own."""
        return self._types.get(resource_type, self._plain)

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """The refusal of a search, or None. A Problem of status 200 means: answer with no matches.

        A refusal names in `value` the parameters that are unknown (comma-separated), as some vendors complain of them
        in the same breath; `known` tells them apart, without it none is unknown.
        """
        rules = self._types.get(resource_type)
        if rules is None:
            return None
        present: dict[str, list[str]] = {}
        for name, value in parameters:
            if value:
                present.setdefault(base_name(name), []).append(value)
        unknown = ",".join(name for name in present if known is not None and not known(name))
        return (
            _missing(rules, resource_type, present, unknown)
            or _clashing(rules, resource_type, present)
            or _malformed(rules, resource_type, present)
            or _too_weak(rules, resource_type, present)
        )

    def standard(self, parameters: Parameters) -> Parameters:
        """The parameters of a search as the standard calls them."""
        own = self._count_parameter
        if own == "_count":
            return parameters
        kept = [pair for pair in parameters if pair[0] != "_count"]
        return [("_count", value) if name == own else (name, value) for name, value in kept]

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """The parameters that a search is answered by, where the vendor takes it for another one."""
        return parameters

    def requirement(self, problem: Problem) -> Requirement | None:
        """The requirement that a refusal of `check` came from."""
        found = self.of(problem.resource_type).requirements
        return next((one for one in found if one.text == problem.text), None)

    def page_size(self, resource_type: str, asked: int | None) -> int | None:
        """How many matches a page holds when `asked` (`_count`) for that many; None for all on one page."""
        rules = self.of(resource_type)
        if rules.unpaged:
            return None
        largest = rules.largest_size or self._largest or _UNBOUND
        if asked is not None and asked > 0:
            return min(asked, largest)
        return min(rules.default_size or self._default, largest)

    def total(self, page: SearchPage) -> int | None:
        """`Bundle.total` of a page, or None to leave it out."""
        if self.total_policy == "page":
            return page.total if page.total is not None and not page.entries else page.matches
        if self.total_policy == "complete":
            absent = not page.complete or self.of(page.resource_type).total_absent
            return None if absent else (page.matches if page.total is None else page.total)
        if self.total_policy == "asked":
            asked = dict(parse_qsl(page.query))
            wanted = (
                asked.get("_total") == "accurate" or asked.get("_summary") == "count" or asked.get("_count") == "0"
            )
            return page.total if wanted else None
        return page.total if self.total_policy == "exact" else None

    def notes_unknown(self, resource_type: str) -> bool:
        """Whether an unknown parameter is remarked on in the answer."""
        return self.unknown == "note" or resource_type in self._noted


def base_name(name: str) -> str:
    """A parameter without modifier and chain."""
    return name.partition(":")[0].partition(".")[0]


def _missing(rules: TypeRules, kind: str, present: Mapping[str, list[str]], unknown: str) -> Problem | None:
    for one in rules.requirements:
        if one.any.isdisjoint(present) and one.unless.isdisjoint(present):
            at = one.at or sorted(one.any)[0]
            return Problem(
                one.status,
                "parameter-missing",
                one.text,
                parameter=at,
                resource_type=kind,
                value=unknown,
                expression=(at,),
            )
    return None


def _clashing(rules: TypeRules, kind: str, present: Mapping[str, list[str]]) -> Problem | None:
    for names, text in rules.exclusive:
        both = sorted(names & present.keys())
        if len(both) > 1:
            return _refusal("parameter-conflict", text, both[0], kind)
    for name, text in rules.once:
        if len(present.get(name, ())) > 1:
            return _refusal("parameter-conflict", text, name, kind)
    return None


def _malformed(rules: TypeRules, kind: str, present: Mapping[str, list[str]]) -> Problem | None:
    for name, pattern, text in rules.values:
        for value in present.get(name, ()):
            if not pattern.fullmatch(value):
                return _refusal("parameter-invalid", text, name, kind, value)
    for name, prefixes, text in rules.together:
        values = present.get(name)
        if values and not all(any(value.startswith(prefix) for value in values) for prefix in prefixes):
            return _refusal("parameter-invalid", text, name, kind, values[0])
    return None


def _too_weak(rules: TypeRules, kind: str, present: Mapping[str, list[str]]) -> Problem | None:
    if not rules.enough or any(names <= present.keys() for names in rules.enough):
        return None
    return Problem(200, "parameter-missing", "The criteria are too weak to match anyone", resource_type=kind)


def _refusal(what: Kind, text: str, name: str, kind: str, value: str = "") -> Problem:
    return Problem(400, what, text, parameter=name, resource_type=kind, value=value, expression=(name,))


def _type_rules(settings: Mapping[str, Any]) -> TypeRules:
    return TypeRules(
        requirements=tuple(_requirement(one) for one in settings.get("require", ())),
        exclusive=tuple((frozenset(one["of"]), one["text"]) for one in settings.get("exclusive", ())),
        once=tuple((one["of"], one["text"]) for one in settings.get("once", ())),
        values=tuple((one["of"], re.compile(one["like"]), one["text"]) for one in settings.get("values", ())),
        together=tuple((one["of"], tuple(one["prefixes"]), one["text"]) for one in settings.get("together", ())),
        enough=tuple(frozenset(names) for names in settings.get("enough", ())),
        default_size=settings.get("size"),
        largest_size=settings.get("largest"),
        unpaged=bool(settings.get("unpaged", False)),
        total_absent=bool(settings.get("total_absent", False)),
    )


def _requirement(settings: Mapping[str, Any]) -> Requirement:
    return Requirement(
        any=frozenset(settings["any"]),
        text=str(settings["text"]),
        unless=frozenset(settings.get("unless", ())),
        code=str(settings.get("code", "")),
        issue=str(settings.get("issue", "")),
        at=str(settings.get("at", "")),
        status=int(settings.get("status", 400)),
    )
