"""What is known of one quirk or corruption: derived from its docstring, its fields, and the registries."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_type_hints

import orjson

from mockehr.config.load import load_file
from mockehr.control.tries.trial import SETTINGS
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import Seconds, quirks
from mockehr.scenarios.probes import probes

CORRUPTION: Final = "corruption"
"""The family of corruptions."""
_PART: Final = re.compile(r"(?=\b(?:Coping|Seen)\b)")
_CITED: Final = re.compile(
    r"[\w./-]+#\d+|RFC \d+|FHIR R\d|US Core|HL7 v?2|https?://|\.html|chapter \d|table \d{4}|SMART App Launch"
)
"""A source that a docstring names in passing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `unit` says what it is written as, `default` is REQUIRED's name where there is none."""

    name: str
    unit: str
    default: str


@dataclass(frozen=True, slots=True)
class Article:
    """One quirk or corruption. Texts are plain, without line ends."""

    name: str
    family: str
    ledger: tuple[str, ...]
    channels: tuple[str, ...]
    interactions: tuple[str, ...]
    summary: str
    shows: tuple[str, ...]
    """What the client sees, in paragraphs."""
    coping: str
    seen: str
    """Where it was seen, with its source."""
    settings: tuple[Setting, ...]
    probes: tuple[str, ...]
    """Names of the probes of its rows of the ledger."""

    @property
    def example(self) -> JSON:
        """Settings by which it shows at once."""
        return dict(SETTINGS.get(self.name) or ({"rate": 0.1} if self.family == CORRUPTION else {}))

    def arming(self) -> Mapping[str, str]:
        """How to arm it: `Python`, `file`, `control` and `command line` → what to write."""
        python = "".join(f", {name}={value!r}" for name, value in self.example.items())
        line = f" --with {_quoted(self.example)}" if self.example else ""
        told = {"use": self.name} | ({"settings": self.example} if self.example else {})
        written = f"{{use: {self.name}" + (f", with: {_flow(self.example)}" if self.example else "") + "}"
        return {
            "Python": f'site.quirk("{self.name}"{python})',
            "file": f"quirks: [{written}]",
            "control": f"POST /_mockehr/sites/SITE/quirks {orjson.dumps(told).decode()}",
            "command line": f"mockehr quirk arm SITE {self.name}{line}",
        }


def article(name: str) -> Article:
    """Of that quirk or corruption; raises UnknownName."""
    known = names()
    if name not in known:
        raise UnknownName("quirk", name, known, reference="mockehr quirk list")
    cls = known[name]
    about = cls.about
    paragraphs = [part.replace("\n", " ").strip() for part in (inspect.getdoc(cls) or "").split("\n\n")]
    pieces = [piece.strip() for paragraph in paragraphs for piece in _PART.split(paragraph) if piece.strip()]
    shows = tuple(one for one in pieces if not one.startswith(("Coping", "Seen")))
    coping = " ".join(one.removeprefix("Coping:").strip() for one in pieces if one.startswith("Coping"))
    return Article(
        name,
        getattr(about, "family", CORRUPTION),
        tuple(about.ledger),
        tuple(getattr(about, "channels", ())),
        tuple(getattr(about, "interactions", ())),
        paragraphs[0],
        shows,
        coping[:1].upper() + coping[1:],
        _seen(name, pieces),
        tuple(_settings(cls)),
        tuple(probe for probe, judge in probes().items() if set(judge.ledger) & set(about.ledger)),
    )


def names() -> dict[str, Any]:
    """Every quirk and corruption by name, sorted."""
    return dict(sorted([*quirks().items(), *corruptions().items()]))


def _seen(name: str, pieces: Sequence[str]) -> str:
    own = [one.removeprefix("Seen:").strip() for one in pieces if one.startswith("Seen")]
    table = [str(sources()[name])] if name in sources() else []
    cited = [found for one in pieces for found in _cited(one)] if not own and not table else []
    return " ".join([*table, *(one if one[:1].isupper() else f"Seen {one}" for one in own)]) or "; ".join(cited)


def _cited(text: str) -> list[str]:
    """The parentheses that name a source, else the sentences that do."""
    inside = [found for found in re.findall(r"\(([^()]+)\)", text) if _CITED.search(found)]
    return inside or [one.strip() for one in re.split(r"(?<=[.;:]) ", text) if _CITED.search(one)]


@cache
def sources() -> Mapping[str, Any]:
    """Where quirks were seen whose docstring does not say so: the file beside this one, by name."""
    return MappingProxyType(dict(load_file(Path(__file__).with_name("seen.yaml")).value))


def _settings(cls: Any) -> list[Setting]:
    hints = get_type_hints(cls, include_extras=True)
    return [Setting(one.name, _unit(hints[one.name]), _default(one)) for one in fields(cls)]


def _unit(hint: Any) -> str:
    if hint == Seconds:
        return "duration (30s, 2h)"
    plain = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return plain.get(hint, "list")


def _default(one: Any) -> str:
    value = one.default if one.default is not MISSING else one.default_factory() if _has_factory(one) else "required"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _has_factory(one: Any) -> bool:
    return one.default_factory is not MISSING


def _flow(settings: JSON) -> str:
    return "{" + ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in settings.items()) + "}"


def _quoted(settings: JSON) -> str:
    if all(
        isinstance(value, int | float) or (isinstance(value, str) and "," not in value) for value in settings.values()
    ):
        return ",".join(f"{name}={value}" for name, value in settings.items())
    return f"'{orjson.dumps(settings).decode()}'"
