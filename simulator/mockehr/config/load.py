"""YAML 1.2 files as plain Python, with the line of every key.

ruamel.yaml scans and parses; the values are built here from its events. So only strings, numbers, truth values, null,
lists and mappings can come out (a date stays text, a tag is refused), nesting and size are bounded while building,
and nothing recurses. Plain scalars follow the core schema (YAML 1.2.2, §10.3.2): `NO`, `on` and `12:30` are text, and
so is `1_000`.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from mockehr.config.document import Document, Finding, KeyPath, refusal
from mockehr.core.errors import ConfigError, EnvironmentProblem

MAX_OCTETS: Final = 1_000_000
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 50_000

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INT = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


def load_file(path: Path | str, *, source: str = "") -> Document:
    """The one document in a file of UTF-8.

    `source` is what messages call the file (its path unless told). Raises EnvironmentProblem if the file cannot be
    read and ConfigError, with file and line, if it is no bounded YAML without duplicate keys.
    """
    name = source or str(path)
    try:
        with Path(path).open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise EnvironmentProblem(
            f"{name} cannot be read: {error.strerror}.", remedy="Give the path of a YAML file."
        ) from error
    return load_text(octets, source=name)


def load_text(text: str | bytes, *, source: str = "<text>") -> Document:
    """The one document in `text`; raises ConfigError as `load_file` does. An empty text is an empty mapping."""
    octets = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(octets) > MAX_OCTETS:
        raise ConfigError(f"{source} is larger than {MAX_OCTETS} octets.", remedy="Split it, or keep data as NDJSON.")
    try:
        decoded = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{source}:{line}: is not UTF-8.", remedy="Save the file as UTF-8.") from error
    return _Builder(source).build(decoded)


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end was not met yet."""

    value: dict[str, Any] | list[Any]
    path: KeyPath
    anchor: str | None
    counted: int
    key: str | None = None


class _Builder:
    """Turns a stream of parse events into a Document; gathers duplicate keys, stops at what cannot be read on."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[_Open] = []
        self._lines: dict[KeyPath, int] = {(): 1}
        self._findings: list[Finding] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._documents = 0
        self._root: Any = None

    def build(self, text: str) -> Document:
        for event in _events(text, self._source):
            line = event.start_mark.line + 1
            match type(event).__name__:
                case "DocumentStartEvent":
                    self._documents += 1
                    if self._documents > 1:
                        self._stop(line, "a second document starts here, and a file holds one")
                case "ScalarEvent":
                    self._scalar(event, line)
                case "AliasEvent":
                    self._alias(str(event.anchor), line)
                case "MappingStartEvent" | "SequenceStartEvent":
                    self._begin({} if type(event).__name__ == "MappingStartEvent" else [], event, line)
                case "MappingEndEvent" | "SequenceEndEvent":
                    self._end()
        value = {} if self._root is None else self._root
        document = Document(self._source, value, self._lines)
        if self._findings:
            raise refusal(document, self._findings)
        return document

    def _scalar(self, event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._start_key(top, event.value, line)
            return
        value = event.value if event.style else resolve(event.value)
        self._place(value, line, 1)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _start_key(self, top: _Open, key: str, line: int) -> None:
        path = (*top.path, key)
        if key == "<<":
            self._findings.append(Finding(path, f"merge keys are not YAML 1.2 (line {line}): write the keys out"))
        elif key in top.value:
            first = self._lines[path]
            self._findings.append(Finding(path, f"the key {key!r} stands twice, on lines {first} and {line}"))
        self._lines.setdefault(path, line)
        top.key = key

    def _begin(self, value: dict[str, Any] | list[Any], event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        if len(self._open) >= MAX_DEPTH:
            self._stop(line, f"more than {MAX_DEPTH} mappings and lists inside one another")
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._stop(line, "a key must be a word, not a list or a mapping")
        counted = self._count
        path = self._place(value, line, 1)
        self._open.append(_Open(value, path, event.anchor, counted))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._count - done.counted)

    def _alias(self, name: str, line: int) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._stop(line, "a key must be a word, not an alias")
        if name not in self._anchors:
            self._stop(line, f"there is no finished anchor &{name} before this alias")
        value, size = self._anchors[name]
        self._grow(size, line)
        self._place(copy.deepcopy(value), line, 0)

    def _place(self, value: Any, line: int, size: int) -> KeyPath:
        self._grow(size, line)
        if not self._open:
            self._root = value
            return ()
        top = self._open[-1]
        if isinstance(top.value, list):
            path: KeyPath = (*top.path, len(top.value))
            top.value.append(value)
            self._lines[path] = line
        else:
            key, top.key = str(top.key), None
            path = (*top.path, key)
            top.value[key] = value
        return path

    def _grow(self, size: int, line: int) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            self._stop(line, f"more than {MAX_VALUES} values, aliases counted as often as they are used")

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag != "!":
            self._stop(line, f"the tag {event.tag} is refused: write plain values, and texts in quotes")

    def _stop(self, line: int, wrong: str) -> NoReturn:
        """Raise at once: what follows could not be understood."""
        path = self._open[-1].path if self._open else ()
        document = Document(self._source, None, {**self._lines, path: line})
        raise refusal(document, [*self._findings, Finding(path, wrong)])


def resolve(text: str) -> str | int | float | bool | None:
    """A plain scalar's value under the core schema; infinities and not-a-number stay text, as JSON has none."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _events(text: str, source: str) -> Iterator[Any]:
    # Imported here because reading a file is the rare case, and the parser is heavy to load.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(
            f"{place}: is no YAML: {reason}.",
            remedy="Look at the indentation and quotes of that line and the one above.",
        ) from error
    except YAMLError as error:
        raise ConfigError(f"{source}: is no YAML: {' '.join(str(error).split())}.") from error
