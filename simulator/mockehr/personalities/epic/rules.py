"""What Epic wants of a search beyond the common rules. Sources: notes.md, section Searching."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.personalities.epic.codes import WORDS
from mockehr.personalities.rules import Parameters, SearchRules, base_name

NOT_AUTHORISED: Final = WORDS["59022"]
"""The text of the refusal of a search whose sub-types are all out of bounds."""
_ALIKE: Final = 3
"""Letters in which family names must agree to count as alike."""
_PREFIXED: Final = re.compile(r"([a-z]{2})\d{4}(?:[-T].*)?")


class SubTypes:
    """Which of Epic's sub-resources a search by category covers, and which of them are out of bounds."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """`settings` is the section `bundle` of `personality.yaml`."""
        self._covered = settings["sub_types"]
        self._client = settings["suppressed"]
        self._user = settings["suppressed_for_user"]

    def covered(self, resource_type: str, parameters: Parameters) -> frozenset[str] | None:
        """The sub-types of the categories asked for; None if all are, or if a category is not listed."""
        table = self._covered.get(resource_type, {})
        texts = [value for name, value in parameters if base_name(name) == "category" and value]
        codes = [one.rpartition("|")[2] for text in texts for one in text.split(",")]
        if not codes or any(code not in table for code in codes):
            return None
        return frozenset(part for code in codes for part in table[code])

    def suppressed(self, resource_type: str, parameters: Parameters) -> list[tuple[str, str]]:
        """(who may not see it: `Client` or `User`, sub-type) of what a search would cover but must leave out."""
        covered = self.covered(resource_type, parameters)
        every = [("User", part) for part in self._user.get(resource_type, ())]
        every += [("Client", part) for part in self._client.get(resource_type, ())]
        return [one for one in every if covered is None or one[1] in covered]

    def nothing_left(self, resource_type: str, parameters: Parameters) -> bool:
        """Whether everything that a search covers is out of bounds."""
        covered = self.covered(resource_type, parameters)
        if not covered:
            return False
        return covered <= {part for _, part in self.suppressed(resource_type, parameters)}


def scored(parameters: Parameters) -> Parameters:
    """Patient criteria as a weighted score would have them.

    Where names and birth date are told, a family name counts that begins alike, and nothing else speaks against a
    patient: `family=Lina&given=Derrick&birthdate=…&gender=female` still finds Derrick Lin.
    """
    names = {base_name(name) for name, value in parameters if value}
    if not {"family", "given", "birthdate"} <= names or "_id" in names or "identifier" in names:
        return parameters
    against = {name for name in names if name not in ("family", "given", "birthdate") and not name.startswith("_")}
    kept = [pair for pair in parameters if base_name(pair[0]) not in against]
    return [(name, value[:_ALIKE]) if name == "family" else (name, value) for name, value in kept]


class EpicRules(SearchRules):
    """The common rules, and: which parameters a type knows, sub-types out of bounds, few prefixes of dates."""

    def __init__(self, settings: Mapping[str, Any], sub_types: SubTypes) -> None:
        super().__init__(settings)
        self._known = {kind: frozenset(names) for kind, names in settings["known"].items()}
        self._dates = frozenset(settings["dates"])
        self._prefixes = frozenset(settings["date_prefixes"])
        self._sub_types = sub_types
        self._ignored = re.compile(str(settings["ignored"]))
        self._posted = str(settings["posted"])
        self._scored = bool(settings["scored"])

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """As the common rules say, with the unknown parameters of the types that name theirs."""
        names = self._known.get(resource_type)
        if names is not None:
            found = super().check(resource_type, parameters, lambda name: name in names or name.startswith("_"))
        else:
            found = super().check(resource_type, parameters, known)
        if found is not None and found.status != 200:
            return found
        return self._unseen(resource_type, parameters) or self._prefix(resource_type, parameters) or found

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """Without what Epic takes no notice of, by POST from one place alone, demographics as a score has them."""
        told = self._one_place(exchange) if exchange.method == "POST" else parameters
        kept = [pair for pair in told if not self._ignored.fullmatch("=".join(pair))]
        if self._scored and exchange.interaction is not None and exchange.interaction.resource_type == "Patient":
            return scored(kept)
        return kept

    def _one_place(self, exchange: Exchange) -> Parameters:
        """The body without the query, or the query without the body; only the query's `_format` counts beside it."""
        query = parse_qsl(exchange.query, keep_blank_values=True)
        body = parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)
        if self._posted == "query":
            return query or body
        return [*body, *(pair for pair in query if pair[0] == "_format")]

    def _unseen(self, kind: str, parameters: Parameters) -> Problem | None:
        if not self._sub_types.nothing_left(kind, parameters):
            return None
        asked = ",".join(value for name, value in parameters if base_name(name) == "category")
        return Problem(
            400, "parameter-conflict", NOT_AUTHORISED, parameter="category", resource_type=kind, value=asked
        )

    def _prefix(self, kind: str, parameters: Parameters) -> Problem | None:
        for name, value in parameters:
            told = _PREFIXED.fullmatch(value) if self._prefixes and base_name(name) in self._dates else None
            if told is not None and told[1] not in self._prefixes:
                text = f"{value} begins with a prefix that is not supported"
                at = (name,)
                return Problem(400, "parameter-invalid", text, name, kind, value, expression=at)
        return None
