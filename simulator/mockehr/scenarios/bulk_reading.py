"""What probes read from exports: an order with all its polls, what its manifest lists, what became of each file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.bulk import Answer
from mockehr.scenarios.probe import Case
from mockehr.scenarios.reading import answer, heard, octets, status

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(slots=True)
class Order:
    """One export that a client ordered, with everything that it asked about it, in order."""

    job: str
    kick_off: Exchange | None = None
    polls: list[Exchange] = field(default_factory=list)
    cancelled: bool = False
    """Whether the client deleted it."""

    @property
    def manifest(self) -> tuple[Exchange, JSON] | None:
        """The newest manifest that the client got, and the poll that gave it."""
        for poll in reversed(self.polls):
            document = manifest_in(poll)
            if document is not None:
                return poll, document
        return None

    @property
    def end(self) -> Exchange | None:
        """The first poll that said that there is nothing more to wait for: done, failed, or gone."""
        return next((poll for poll in self.polls if is_end(poll)), None)


def orders(case: Case) -> list[Order]:
    """Every export of the client, in the order in which it first asked about it."""
    found: dict[str, Order] = {}
    jobs = {poll.path + poll.query: poll.notes["job"] for poll in case.on("files") if _named(poll, "bulk-status")}
    for exchange in case.on("fhir", "files"):
        if exchange.channel == "fhir" and not (_asks_export(exchange) and status(exchange) == 202):
            continue
        job = exchange.notes.get("job") or jobs.get(exchange.path + exchange.query)
        name = exchange.interaction.name if exchange.interaction is not None else ""
        if not job or (exchange.channel == "files" and name not in ("", "bulk-status", "bulk-delete")):
            continue
        order = found.setdefault(job, Order(job))
        if exchange.channel == "fhir":
            order.kick_off = exchange
        elif name == "bulk-delete":
            order.cancelled = True
        elif exchange.method == "GET":
            order.polls.append(exchange)
    return list(found.values())


def _named(exchange: Exchange, name: str) -> bool:
    return exchange.interaction is not None and exchange.interaction.name == name and "job" in exchange.notes


def _asks_export(exchange: Exchange) -> bool:
    return exchange.path.partition("?")[0].endswith("/$export")


def ordered_after(case: Case, number: int) -> Exchange | None:
    """The first kick-off after an entry, whether it was accepted or not; None if there was none."""
    return next((one for one in case.on("fhir") if one.number > number and _asks_export(one)), None)


def manifest_in(poll: Exchange) -> JSON | None:
    """The manifest that a poll gave the client; None if it gave none."""
    if status(poll) != 200 or not heard(poll):
        return None
    found = answer(poll)
    # The octets of what was sent over a socket are not kept, what they were made of is.
    return found if found is not None or not isinstance(poll.result, Answer) else poll.result.document


def is_passing(poll: Exchange) -> bool:
    """Whether a poll failed for a reason of its own, so that the export goes on.

    (Bulk Data Access 2.0, "Response - Error Status": `transient`.)
    """
    if status(poll) in (401, 429) or not heard(poll):
        return True
    if status(poll) < 500 or poll.reply is None:
        return False
    if poll.reply.header("retry-after"):
        return True
    if poll.problem is not None:
        return poll.problem.kind == "unavailable"
    issues = (answer(poll) or {}).get("issue")  # a gateway's page says nothing about the export
    return not issues or any(issue.get("code") == "transient" for issue in issues)


def is_end(poll: Exchange) -> bool:
    """Whether the client knows by it that there is nothing more to wait for."""
    return heard(poll) and status(poll) != 202 and not is_passing(poll)


def is_failure(poll: Exchange) -> bool:
    """Whether it says that the export failed, or that there is none."""
    return is_end(poll) and status(poll) >= 400


def told_until(exchange: Exchange) -> float | None:
    """Until when an answer told the client to stay away, in site seconds; None if it did not say so legibly."""
    value = exchange.reply.header("retry-after").strip() if exchange.reply is not None else ""
    effects = exchange.effects
    if value.isascii() and value.isdigit():
        late = effects.arrival_delay + effects.reply_delay if effects is not None else 0.0
        return exchange.at + late + int(value)
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError):
        return None


def listed_in(manifest: JSON, *sections: str) -> Iterator[JSON]:
    """The files of those sections of a manifest that have an address."""
    for section in sections:
        for listed in manifest.get(section) or ():
            if isinstance(listed, dict) and listed.get("url"):
                yield listed


class Fetched:
    """The files that a client asked for, by their addresses."""

    def __init__(self, case: Case) -> None:
        self._calls: dict[tuple[str, str], list[Exchange]] = {}
        for call in case.on("files"):
            if call.method == "GET":
                self._calls.setdefault((call.path, call.query), []).append(call)

    def at(self, url: str) -> list[Exchange]:
        """Every GET of an address that a manifest lists, in order; of a redirect what it led to, if followed."""
        found: dict[int, Exchange] = {}
        for call in self._at(url):
            where = call.reply.header("location") if status(call) == 307 and call.reply is not None else ""
            followed = [one for one in self._at(where) if one.number > call.number]
            found |= {one.number: one for one in followed or [call]}
        return [found[number] for number in sorted(found)]

    def _at(self, url: str) -> list[Exchange]:
        """Addresses are absolute, paths of exchanges are those below the site's root."""
        address = urlsplit(url)
        steps = address.path.split("/")
        tails = ("/" + "/".join(steps[start:]) for start in range(1, len(steps)))
        return next((self._calls[tail, address.query] for tail in tails if (tail, address.query) in self._calls), [])


def lines_sent(fetch: Exchange) -> int | None:
    """How many records, or would-be records, a whole file had as it was sent; None if that is not known."""
    if status(fetch) != 200 or not heard(fetch):
        return None
    noted = fetch.notes.get("lines")
    if isinstance(noted, int):
        return noted
    body = octets(fetch)
    return sum(1 for line in body.split(b"\n") if line.strip()) if body else None


def is_whole(found: Sequence[Exchange]) -> bool:
    """Whether the client got a file, at once or in parts, and what it got was not damaged."""
    if any(status(one) == 200 and heard(one) and "damaged" not in one.notes for one in found):
        return True
    size, covered = 0, 0
    for start, end, total in sorted(part for one in found for part in _parts(one)):
        size = max(size, total)
        covered = max(covered, end) if start <= covered else covered
    return 0 < size <= covered


def _parts(fetch: Exchange) -> Iterator[tuple[int, int, int]]:
    """(first octet, the one behind the last, size or 0) of what a fetch gave."""
    effects, reply = fetch.effects, fetch.reply
    if reply is None or "damaged" in fetch.notes:
        return
    told = _RANGE.fullmatch(reply.header("content-range"))
    if status(fetch) == 206 and told is not None and heard(fetch):
        yield int(told[1]), int(told[2]) + 1, int(told[3])
    elif status(fetch) == 200 and effects is not None and effects.cut_at is not None:
        yield 0, effects.cut_at, 0
