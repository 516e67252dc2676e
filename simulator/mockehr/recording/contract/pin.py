"""A pin: the contract with one server as it was on one day, in a file that people can read and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from mockehr.config.load import load_file
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.recording.contract.observed import Kind

VERSION: Final = 1
"""Of the form of pins."""
_PARTS: Final = ("contract", "source", "base", "patients", "statement", "smart", "answers", "observed")


@dataclass(frozen=True, slots=True)
class Pin:
    """What one server said and showed. `source` is what it was asked as: a URL, or `north=epic`."""

    source: str
    base: str
    """FHIR base, without a trailing slash."""
    patients: Sequence[str]
    statement: JSON
    smart: JSON
    answers: Mapping[str, int]
    """Question → status; `{patient}` stands for each of the patients."""
    observed: Mapping[str, Kind] = field(default_factory=dict)

    def as_json(self) -> JSON:
        """The pin as it is written."""
        return {
            "contract": VERSION,
            "source": self.source,
            "base": self.base,
            "patients": list(self.patients),
            "statement": self.statement,
            "smart": self.smart,
            "answers": dict(self.answers),
            "observed": {
                name: {"seen": kind.seen, "elements": dict(kind.elements), "values": dict(kind.values)}
                for name, kind in self.observed.items()
            },
        }


def save_pin(pin: Pin, path: Path) -> None:
    """Write YAML, or JSON where the name ends with `.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(pin, as_json=path.suffix == ".json"), "utf-8")


def written(pin: Pin, *, as_json: bool = False) -> str:
    """The text of a pin."""
    if as_json:
        import orjson

        return orjson.dumps(pin.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n"
    from ruamel.yaml import YAML

    writer = YAML(typ="rt")
    writer.default_flow_style = False
    writer.width = 1000  # so that a line is an element
    text = StringIO()
    writer.dump(pin.as_json(), text)
    return text.getvalue()


def load_pin(path: Path | str) -> Pin:
    """The pin in a file; raises EnvironmentProblem if it cannot be read, ConfigError if it is none."""
    told = load_file(path).value
    if not isinstance(told, dict) or "contract" not in told:
        raise ConfigError(f"{path} is no pin of a contract.", remedy="Make one: mockehr contract pin URL --out FILE.")
    if told["contract"] != VERSION:
        raise ConfigError(
            f"{path} is a pin of version {told['contract']}, and this mockehr reads version {VERSION}.",
            remedy="Pin the server again.",
        )
    problems = [f"{name} is missing" for name in _PARTS if name not in told]
    problems += [f"{name} is not known" for name in told if name not in _PARTS]
    if not problems:
        try:
            return _pin(told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"a part is not as it was written: {error}")
    raise ConfigError(f"{path} does not hold.", problems, remedy="Pin the server again.")


def _pin(told: dict[str, Any]) -> Pin:
    observed = {
        str(name): Kind(int(kind["seen"]), dict(kind["elements"] or {}), dict(kind["values"] or {}))
        for name, kind in (told["observed"] or {}).items()
    }
    answers = {str(question): int(status) for question, status in (told["answers"] or {}).items()}
    return Pin(
        str(told["source"]),
        str(told["base"]),
        [str(one) for one in told["patients"] or ()],
        dict(told["statement"] or {}),
        dict(told["smart"] or {}),
        answers,
        observed,
    )
