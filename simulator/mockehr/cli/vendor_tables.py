"""What is known of vendors, and in what they or their sites differ, as tables to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import shorten
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockehr.cli.quirk_tables import QUIRK_TABLES

VALUE: Final = 38
"""Characters of a setting's value."""
LED: Final = 8
"""Characters that are shown of what two long values begin with alike."""
TEXT: Final = 96
"""Characters of a sentence or a source."""


def as_table(operation: str, answer: Any) -> str:
    """The answer of that operation (a key of TABLED) as text without a line end."""
    return "\n".join(TABLED[operation](answer))


def _list(answer: Any) -> Iterator[str]:
    rows = [("personality", "product", "known", "sites differ in")]
    for one in answer["vendors"]:
        labels = ", ".join(f"{count} {label}" for label, count in one["labels"].items())
        known = f"{one['known']} ({labels})" if labels else "0"
        differ = shorten(", ".join(one["traits"]) or "–", TEXT, placeholder=" …")
        rows.append((one["name"], one["title"], known, differ))
    yield from _columns(rows)


def _show(answer: Any) -> Iterator[str]:
    yield f"{answer['title']} ({answer['name']})"
    area = ""
    for row in answer["behaviours"]:
        if row["area"] != area:
            area = row["area"]
            yield ""
            yield area
        yield f"  [{row['label']}] {row['behaviour']}"
        yield f"      {row['id']} · {row['where']} · {row['source']}"
    if answer["sites"]:
        yield ""
        yield "Sites differ in"
    for one in answer["sites"]:
        whole = sum(one["choices"].values()) or 1
        shares = ", ".join(f"{name} {share / whole:.0%}" for name, share in one["choices"].items())
        yield f"  {one['trait']}: {shares}"
        yield f"      {one['source']}"


def _diff(answer: Any) -> Iterator[str]:
    yield from _settings(answer["settings"], answer["first"], answer["second"])
    for vendor, rows in answer["code"].items():
        yield ""
        yield f"{vendor} besides (in code)"
        for row in rows:
            yield f"  [{row['label']}] {shorten(row['behaviour'], TEXT, placeholder=' …')}  · {row['source']}"


def _site_diff(answer: Any) -> Iterator[str]:
    for trait, choice in answer["drawn"].items():
        yield f"{trait}: {choice}"
    yield from _settings(answer["settings"], answer["from"], answer["site"])


def _settings(found: Sequence[Any], first: str, second: str) -> Iterator[str]:
    rows = [("setting", first, second, "source")]
    rows += [
        (
            one["setting"],
            *_values(one["first"], one["second"]),
            shorten("; ".join(one["sources"]), TEXT, placeholder=" …"),
        )
        for one in found
    ]
    yield from _columns(rows)


def _values(first: Any, second: Any) -> tuple[str, str]:
    """Both values, cut to where they differ: two long paths may have all but their ends in common."""
    texts = [value if isinstance(value, str) else orjson.dumps(value).decode() for value in (first, second)]
    pairs = enumerate(zip(*texts, strict=False))
    common = next((place for place, (one, other) in pairs if one != other), min(map(len, texts)))
    if common < VALUE - 1 or max(map(len, texts)) <= VALUE:
        return _cut(texts[0]), _cut(texts[1])
    return _cut(f"…{texts[0][common - LED :]}"), _cut(f"…{texts[1][common - LED :]}")


def _cut(text: str) -> str:
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


TABLED: Final[MappingProxyType[str, Callable[[Any], Iterator[str]]]] = MappingProxyType(
    {"vendor list": _list, "vendor show": _show, "vendor diff": _diff, "site diff": _site_diff, **QUIRK_TABLES}
)
"""Operations that print a table unless `--json` is said, by name."""
