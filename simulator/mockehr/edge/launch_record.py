"""What became of one launch: every hop, every header and cookie that matters, the site's own entries, the verdict.

Equal for equal runs: no time of the machine, no values that an app draws. Codes, tokens and handles stand there as
digests (`mockehr.journal.entry`), what an app makes up (`state` …) as `<state-1>`: one sees whether two are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from mockehr.core.exchange import JSON
from mockehr.journal.entry import SECRET_FIELDS, digest

Outcome = Literal["completed", "refused", "failed", "needs-browser"]
Who = Literal["app", "ehr", "other"]
STAGES: Final = (
    "app-opened",
    "discovery-fetched",
    "authorize-requested",
    "signed-in",
    "called-back",
    "code-redeemed",
    "token-used",
    "landed",
)
"""What a launch comes through, in order."""
_DIGESTED: Final = SECRET_FIELDS | {"launch", "pending", "code_verifier", "password", "token"}
_VEILED: Final = re.compile(r"<(\w+-\d+|[0-9a-f]{12}|redacted)>")
"""What is veiled already, as the journal does."""
_MADE_UP: Final = ("state", "nonce", "code_challenge")


@dataclass(frozen=True, slots=True)
class Hop:
    """One address that the browser loaded. `status` is 0 where nothing answered."""

    number: int
    who: Who
    method: str
    url: str
    status: int = 0
    note: str = ""
    """What the workstation did here, or why nothing answered."""
    request: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, str] = field(default_factory=dict)
    sent: tuple[str, ...] = ()
    """Names of cookies that went along."""
    kept: tuple[str, ...] = ()
    """Cookies that were set, with their attributes."""
    blocked: tuple[str, ...] = ()
    """Cookies that were not sent or not kept, and why."""
    title: str = ""
    page: str = ""
    """Which of the hospital's pages it is: `sign-in`, `consent` …"""
    until: int = 0
    """The site's newest entry when the hop was over."""


@dataclass(frozen=True, slots=True)
class LaunchRecord:
    """The diagnostic record of one launch."""

    site: str
    app: str
    iss: str
    asked: Mapping[str, Any]
    """User, patient, encounter, intent …, as the launch was asked for."""
    outcome: Outcome
    stopped: str
    """The last of STAGES that was reached; empty if not even the app was opened."""
    reason: str
    """Short name of why it stopped; `landed` if it completed."""
    what: str
    nearest: str
    remedy: str
    stages: tuple[str, ...]
    pages: tuple[str, ...]
    """The hospital's pages that were seen."""
    remarks: tuple[str, ...]
    """What else one should know."""
    hops: tuple[Hop, ...]
    entries: tuple[JSON, ...]
    """The site's journal entries that belong to the launch, in order; `hop` is the one during which each came."""

    @property
    def completed(self) -> bool:
        """Whether the app was called back, redeemed its code and showed a page."""
        return self.outcome == "completed"

    def entry(self, channel: str) -> list[JSON]:
        """The entries of one channel."""
        return [one for one in self.entries if one["channel"] == channel]

    def as_json(self) -> JSON:
        """Everything as a JSON object; what is empty is left out of hops and entries."""
        shown = asdict(self)
        shown["hops"] = [{key: value for key, value in one.items() if value} for one in shown["hops"]]
        for one, hop in zip(shown["hops"], self.hops, strict=True):
            one["status"] = hop.status
        return shown

    def text(self) -> str:
        """Everything as lines to read, without a line end; what an app says cannot steer a terminal."""
        lines = ("".join(letter if letter.isprintable() else "?" for letter in line) for line in self._lines())
        return "\n".join(lines)

    def _lines(self) -> Iterator[str]:
        asked = ", ".join(f"{name} {value}" for name, value in self.asked.items() if value)
        yield f"{self.outcome}: {self.app} opened from {self.site}" + (f" ({asked})" if asked else "")
        for told, text in (("", self.what), ("nearest: ", self.nearest), ("remedy: ", self.remedy)):
            if text:
                yield f"  {told}{text}"
        yield f"  stages: {' → '.join(self.stages) or 'none'}"
        yield from (f"  remark: {one}" for one in self.remarks)
        for one in (entry for entry in self.entries if not entry["hop"]):
            yield _entry_line(one)
        before = ""
        for hop in self.hops:
            yield from _hop_lines(hop, told=hop.url == before)
            before = hop.response.get("location", "")
            for one in (entry for entry in self.entries if entry["hop"] == hop.number):
                yield _entry_line(one)


class Veil:
    """Takes secrets, and what apps make up, out of addresses. One for each launch: it numbers what is made up."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def url(self, url: str) -> str:
        """The address without them."""
        parts = urlsplit(url)
        fragment = self.query(parts.fragment) if "=" in parts.fragment else parts.fragment
        netloc = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=netloc, query=self.query(parts.query), fragment=fragment))

    def query(self, query: str) -> str:
        """The same for a query alone."""
        pairs = parse_qsl(query, keep_blank_values=True)
        return "&".join(f"{name}={self._value(name, value)}" for name, value in pairs)

    def _value(self, name: str, value: str) -> str:
        if not value or _VEILED.fullmatch(value):
            return value
        if name in _DIGESTED:
            return f"<{digest(value)}>"
        if name not in _MADE_UP:
            return quote(value, safe="/:,*@")
        if (name, value) not in self._known:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._known[name, value] = f"<{name}-{self._counts[name]}>"
        return self._known[name, value]


def told_entry(entry: JSON, hop: int, veil: Veil) -> JSON:
    """What a record says of one entry of the journal (`mockehr.journal.entry`)."""
    notes = entry.get("notes", {})
    told: JSON = {
        "entry": entry["entry"],
        "hop": hop,
        "channel": entry["channel"],
        "method": entry["method"],
        "path": veil.url(entry["path"]),
        "query": veil.query(entry.get("query", "")),
        "status": entry.get("reply", {}).get("status", 0),
        "interaction": entry.get("interaction", {}).get("name", ""),
        "client": entry.get("client", ""),
    }
    for name in ("refused", "refused_because", "user", "granted", "iss"):
        if notes.get(name):
            told[name] = notes[name]
    if entry.get("problem"):
        told |= {"refused": entry["problem"]["kind"], "refused_because": entry["problem"]["text"]}
    if entry.get("decisions"):
        told["decisions"] = [dict(one) for one in entry["decisions"]]
    return told


def _hop_lines(hop: Hop, *, told: bool) -> Iterator[str]:
    """The hop; its address without the query if it was `told` by the hop before."""
    url = hop.url.partition("?")[0] + "?…" if told and "?" in hop.url else hop.url
    title = f"  “{hop.title}”" if hop.title else ""
    yield f"{hop.number:3} {hop.who:5} {hop.method} {url} → {hop.status or 'no answer'}{title}"
    pairs: Sequence[tuple[str, str]] = [
        ("", hop.note),
        *((f"{name}: ", value) for name, value in hop.request.items()),
        ("cookies sent: ", ", ".join(hop.sent)),
        *((f"{name}: ", value) for name, value in hop.response.items()),
        ("cookies set: ", ", ".join(hop.kept)),
        *(("cookie blocked: ", one) for one in hop.blocked),
    ]
    yield from (f"      {label}{value}" for label, value in pairs if value)


def _entry_line(entry: JSON) -> str:
    query = f"?{entry['query']}" if entry["query"] and entry["channel"] == "fhir" else ""
    why = f"  refused, {entry['refused']}: {entry.get('refused_because', '')}" if entry.get("refused") else ""
    rules = "".join(f"  [{one['rule']}: {one['outcome']}]" for one in entry.get("decisions", ()))
    asked = f" {entry['method']} {entry['path']}{query} → {entry['status']}"
    return f"      #{entry['entry']} {entry['channel']} {entry['interaction']}{asked}{why}{rules}"
