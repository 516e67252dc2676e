"""Answers of control operations as lines to read, where JSON is too much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import shorten
from types import MappingProxyType
from typing import Any, Final

SUMMARY: Final = 96
"""Characters of a quirk's summary in a list."""


def in_brief(operation: str, answer: Any) -> str:
    """The answer of that operation (a key of BRIEF) as text without a line end."""
    return "\n".join(BRIEF[operation](answer))


def _quirks(answer: Any) -> Iterator[str]:
    for one in answer["quirks"]:
        yield f"{one['name']:26} {one['family']:11} {shorten(one['summary'], SUMMARY, placeholder=' …')}"


def _probes(answer: Any) -> Iterator[str]:
    for one in answer["probes"]:
        ledger = shorten(" ".join(one["ledger"]), 15, placeholder=" …")
        yield f"{one['name']:28} {ledger:15} {shorten(one['question'], SUMMARY, placeholder=' …')}"


def _probe(answer: Any) -> Iterator[str]:
    yield f"{answer['name']} (ledger {', '.join(answer['ledger'])})"
    yield ""
    yield answer["documentation"].strip()
    for name, value in answer["settings"].items():
        yield f"  {name}: {value!r}"


def _quirk(answer: Any) -> Iterator[str]:
    yield f"{answer['name']} ({answer['family']})"
    yield ""
    yield answer["documentation"].strip()
    yield ""
    yield "settings and their defaults:" if answer["settings"] else "It has no settings."
    for name, value in answer["settings"].items():
        yield f"  {name}: {value!r}"


def _sites(answer: Any) -> Iterator[str]:
    for one in answer["sites"]:
        port = f" at port {one['port']}" if one.get("port") else ""
        yield (
            f"{one['name']:20} {one['personality']:10} {one['patients']} patients, seed {one['seed']}, "
            f"{one['entries']} entries, {one['changes']} changes{port}"
        )


def _armed(answer: Any) -> Iterator[str]:
    for one in answer["rules"]:
        told = [f"{part} {one[part]}" for part in ("where", "when", "with") if one[part]]
        yield f"{one['name']:20} fired {one['fired']} of {one['seen']}  {'; '.join(told)}".rstrip()
    for name in answer["corruptions"]:
        yield f"{name:20} corrupts records"


def _journal(answer: Any) -> Iterator[str]:
    for one in answer["entries"]:
        yield from _entry(one)


def _entry(one: Any) -> Iterator[str]:
    query = f"?{one['query']}" if one.get("query") else ""
    status = one.get("reply", {}).get("status", "-")
    client = f"  ({one['client']})" if one.get("client") else ""
    yield f"{one['entry']:6} {one['at']} {one['channel']:9} {one['method']} {one['path']}{query} → {status}{client}"
    if one.get("problem"):
        yield f"           refused, {one['problem'].get('kind', '')}: {one['problem'].get('text', '')}"
    for name, value in one.get("notes", {}).items():
        yield f"           {name}: {value}"
    for decision in one.get("decisions", ()):
        yield f"           {decision['rule']}: {decision['outcome']} {decision.get('why', '')}".rstrip()


BRIEF: Final[Mapping[str, Callable[[Any], Iterator[str]]]] = MappingProxyType(
    {
        "probe list": _probes,
        "probe show": _probe,
        "quirk list": _quirks,
        "quirk show": _quirk,
        "quirk armed": _armed,
        "site list": _sites,
        "journal list": _journal,
        "journal why": _entry,
    }
)
"""What can be said in brief, by the operation's name."""
