"""Quirks in tables and lines to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import fill, shorten
from types import MappingProxyType
from typing import Any, Final

SUMMARY: Final = 90
"""Characters of a summary in a table."""
WIDTH: Final = 110
"""Columns of running text."""


def _list(answer: Any) -> Iterator[str]:
    rows = [("quirk", "family", "ledger", "what the client sees")]
    for one in answer["quirks"]:
        summary = shorten(one["summary"], SUMMARY, placeholder=" …")
        rows.append((one["name"], one["family"], " ".join(one["ledger"]), summary))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _show(answer: Any) -> Iterator[str]:
    where = f", channels {', '.join(answer['channels'])}" if answer["channels"] else ""
    yield f"{answer['name']} ({answer['family']}, ledger {', '.join(answer['ledger'])}{where})"
    yield ""
    for paragraph in answer["shows"]:
        yield fill(paragraph, WIDTH)
    for title, text in (("Seen", answer["seen"]), ("Coping", answer["coping"])):
        yield fill(f"{title}: {text}", WIDTH)
    yield ""
    yield "settings:" if answer["settings"] else "It has no settings."
    for name, value in answer["settings"].items():
        shown = "" if value is None else f", {value!r} unless told"
        yield f"  {name}: {answer['units'][name]}{shown}"
    yield ""
    for way, written in answer["arm"].items():
        yield f"{way + ':':14}{written}"
    yield f"probes: {', '.join(answer['probes']) or 'none'}"


def _try(answer: Any) -> Iterator[str]:
    given = ", ".join(f"{name}={value}" for name, value in answer["settings"].items())
    yield f"{answer['name']}{f' ({given})' if given else ''} at {answer['personality']}: {answer['story']}"
    for decision in answer["decisions"]:
        yield f"  {decision['capability']}: {decision['why'] or 'done'}"
    if not answer["fired"]:
        yield "  It found nothing to do: this story gives it no occasion with these settings."
    elif not answer["differs"]:
        yield "  It acted, and nobody outside saw a difference."
    yield ""
    yield from answer["diff"]


QUIRK_TABLES: Final[MappingProxyType[str, Callable[[Any], Iterator[str]]]] = MappingProxyType(
    {"quirk list": _list, "quirk show": _show, "quirk try": _try}
)
"""By operation."""
