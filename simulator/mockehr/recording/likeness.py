"""How alike two piles of answers are: by kind of resource, token by token.

A token weighs the share of its kind's resources that carry it. Recall is the weight of recorded tokens that the other
pile shows at least once; precision the weight of its tokens that the recordings show at least once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockehr.core.exchange import JSON
from mockehr.recording.shape import kind_of, shape_of, shape_of_envelope

LEFT_OUT = frozenset({"CapabilityStatement", "Parameters"})


@dataclass(slots=True)
class Pile:
    """Tokens of many answers, by kind."""

    tokens: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, body: Any) -> None:
        """Take in what an answer holds: a resource, or a Bundle and its resources; anything else is left alone."""
        if not isinstance(body, dict):
            return
        if body.get("resourceType") == "Bundle" or ("entry" in body and "type" in body):
            self._count("Bundle", shape_of_envelope(body))
            for entry in body.get("entry", ()):
                self._take(entry.get("resource"))
        else:
            self._take(body)

    def _take(self, resource: Any) -> None:
        if isinstance(resource, dict) and resource.get("resourceType") and resource["resourceType"] not in LEFT_OUT:
            self._count(kind_of(resource), shape_of(resource))

    def _count(self, kind: str, tokens: Iterable[str]) -> None:
        self.counts[kind] += 1
        self.tokens[kind].update(tokens)

    def weights(self, kind: str) -> Mapping[str, float]:
        """Token → share of the kind's resources that carry it."""
        return {token: count / self.counts[kind] for token, count in self.tokens[kind].items()}


@dataclass(frozen=True, slots=True)
class Likeness:
    """One kind of resource. `missing` and `foreign` are tokens with their weights, the heaviest first."""

    kind: str
    recorded: int
    shown: int
    recall: float
    precision: float
    missing: tuple[tuple[str, float], ...]
    foreign: tuple[tuple[str, float], ...]


def likenesses(recorded: Pile, shown: Pile) -> Iterator[Likeness]:
    """Every kind that was recorded, in alphabetical order."""
    for kind in sorted(recorded.counts):
        told, made = recorded.weights(kind), shown.weights(kind) if shown.counts[kind] else {}
        yield Likeness(
            kind,
            recorded.counts[kind],
            shown.counts[kind],
            _share(told, made),
            _share(made, told),
            _without(told, made),
            _without(made, told),
        )


def mean(rows: Iterable[Likeness]) -> tuple[float, float]:
    """Mean recall and precision over the kinds; nothing recorded counts as nothing alike."""
    found = list(rows)
    if not found:
        return 0.0, 0.0
    return sum(row.recall for row in found) / len(found), sum(row.precision for row in found) / len(found)


def _share(weights: Mapping[str, float], among: Mapping[str, float]) -> float:
    whole = sum(weights.values())
    return sum(weight for token, weight in weights.items() if token in among) / whole if whole else 0.0


def _without(weights: Mapping[str, float], among: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    left = [(token, weight) for token, weight in weights.items() if token not in among]
    return tuple(sorted(left, key=lambda pair: (-pair[1], pair[0])))


def identifies(body: JSON) -> bool:
    """Whether a body is a FHIR answer that can be compared at all."""
    return bool(body.get("resourceType")) or ("entry" in body and "type" in body)
