"""Answers of control operations as lines to read, where JSON is too much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import shorten
from types import MappingProxyType
from typing import Any, Final

SUMMARY: Final = 96
"""Characters of a quirk's summary in a list."""
COUNTS: Final = ("waiting", "in_flight", "acknowledged", "retried", "failed")
"""What is counted of a feed."""


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
    kind = f" {one['interaction']['name']}" if one["channel"].startswith("mllp") and one.get("interaction") else ""
    done = f"{one['method']} {one['path']}{query}{kind}"
    yield f"{one['entry']:6} {one['at']} {one['channel']:9} {done} → {status}{client}"
    if one.get("problem"):
        yield f"           refused, {one['problem'].get('kind', '')}: {one['problem'].get('text', '')}"
    for name, value in one.get("notes", {}).items():
        yield f"           {name}: {value}"
    for decision in one.get("decisions", ()):
        yield f"           {decision['rule']}: {decision['outcome']} {decision.get('why', '')}".rstrip()


def _accesses(answer: Any) -> Iterator[str]:
    for one in answer["accesses"]:
        whose = f" of {shorten(' '.join(one['patients']), 60, placeholder=' …')}" if one.get("patients") else ""
        who = " for ".join(one[part] for part in ("client", "user") if one.get(part))
        kind = one.get("resource_type") or one.get("detail", "")
        ended = one["outcome"] + (f", {one['reason']}" if one.get("reason") else "")
        yield f"{one['entry']:6} {one['at']} {one['what']:13} {kind}{whose}{f'  ({who})' if who else ''}: {ended}"
    yield f"{len(answer['accesses'])} of {answer['total']} accesses"


def _links(answer: Any) -> Iterator[str]:
    for one in answer["links"]:
        counts = ", ".join(f"{one[part]} {part.replace('_', ' ')}" for part in COUNTS)
        yield f"{one['link']:20} {one['role']} {one['peer']}  {' '.join(one['messages'])}  {counts}"
        if one["stopped"]:
            yield f"  stopped: {one['stopped']}  (hl7 resume tries it again, hl7 skip sets it aside)"
        for untold in one["untold"]:
            yield f"  change {untold['change']} could not be told: {untold['why']}"


def _listeners(answer: Any) -> Iterator[str]:
    for one in answer["listeners"]:
        tls = ", TLS" if one["tls"] else ""
        yield (
            f"{one['listener']:20} {one['dials'] or one['port']}  {' '.join(one['messages'])}  "
            f"MLLP {one['release']}{tls}, duplicates: {one['duplicates']}, {one['connections']} connections"
        )
    if answer["folder"]:
        yield f"folder {answer['folder']}  {answer['problem']}".rstrip()


def _messages(answer: Any) -> Iterator[str]:
    for one in answer["messages"]:
        again = f", attempt {one['attempt']}" if one["attempt"] > 1 else ""
        answered = f"{one['state']} {one['ack']}".rstrip()
        failure = f": {one['failure']}" if one["failure"] else ""
        yield (
            f"{one['message']:6} {one['at']} {one['kind']:8} {one['control_id']:20} {answered}{again}{failure}  "
            f"(entry {one['entry']})"
        )
    yield f"{len(answer['messages'])} of {answer['total']} messages"


def _parked(answer: Any) -> Iterator[str]:
    if "body" in answer:
        yield from _parked({"parked": [answer]})
        yield from answer["body"].replace("\r", "\n").splitlines()
        return
    for one in answer["parked"]:
        whose = f"{'from' if one['way'] == 'in' else 'to'} {one['place'] or 'a listener'}"
        yield (
            f"{one['number']:6} {one['at']} {one['message']:8} {one['control_id']:20} {whose}: "
            f"{one['reason']} (tried {one['attempts']} times)"
        )
    if not answer["parked"]:
        yield "Nothing is parked."


def _events(answer: Any) -> Iterator[str]:
    for one in answer["events"]:
        tried = f", {one['attempts']} attempts" if one["attempts"] > 1 else ""
        status = f" {one['status']}" if one["status"] else ""
        failure = f": {one['failure']}" if one["failure"] else ""
        what = one["topic"] or one["kind"]
        entry = f", entry {one['entry']}" if one["entry"] else ""  # none of this process: it is from before a restart
        yield (
            f"{one['endpoint']:14} {one['number']:6} {one['at']} {what:16} {one['resource']}  "
            f"{one['state']}{status}{tried}{failure}  ({one['id']}{entry})"
        )
    yield f"{len(answer['events'])} of {answer['total']} events"


def _dead(answer: Any) -> Iterator[str]:
    for one in answer["dead"]:
        told = ", ".join(f"{event['number']} {event['resource']}" for event in one["events"][:3])
        more = f" and {len(one['events']) - 3} more" if len(one["events"]) > 3 else ""
        why = " ".join(str(part) for part in (one["status"], one["failure"]) if part)
        yield (
            f"{one['delivery']:6} {one['first_at']} to {one['endpoint']}: event {told}{more}  "
            f"(tried {one['attempts']} times, {why or 'no answer'})"
        )
    if not answer["dead"]:
        yield "Nothing is dead."


def _topics(answer: Any) -> Iterator[str]:
    for one in answer["topics"]:
        yield f"{one['name']:22} {one['resource']:18} {shorten(one['description'], SUMMARY, placeholder=' …')}"


def _pathways(answer: Any) -> Iterator[str]:
    for one in answer["pathways"]:
        yield f"{one['name']:22} {one['steps']:3} steps, share {one['share']:g}  {one['title']}"


def _pathway(answer: Any) -> Iterator[str]:
    from mockehr.pathways.shipped import shipped_files

    yield shipped_files()[answer["name"]].read_text(encoding="utf-8").rstrip("\n")


def _runs(answer: Any) -> Iterator[str]:
    over = ", ".join(f"{count} {status}" for status, count in answer["counts"].items()) or "none over"
    yield f"rate {answer['rate']}, {answer['arrived']} arrived; {over}"
    beds = ", ".join(f"{ward} {one['taken']} of {one['beds']}" for ward, one in answer["beds"].items())
    yield f"beds taken: {beds}"
    for one in (*answer["running"], *answer["over"]):
        how = one.get("status", "under way")
        error = f": {one['error']}" if one.get("error") else ""
        yield (
            f"{one['number']:6} {one['began']} {one['pathway']:22} {how}, {one['steps']} steps{error}  "
            f"{' '.join(one['patients'])}"
        )


BRIEF: Final[Mapping[str, Callable[[Any], Iterator[str]]]] = MappingProxyType(
    {
        "audit list": _accesses,
        "events dead": _dead,
        "events list": _events,
        "events topics": _topics,
        "hl7 links": _links,
        "hl7 listeners": _listeners,
        "hl7 messages": _messages,
        "hl7 parked": _parked,
        "pathway list": _pathways,
        "pathway runs": _runs,
        "pathway show": _pathway,
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
