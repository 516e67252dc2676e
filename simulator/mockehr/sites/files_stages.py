"""The nine stages of channel `files`: asking after an export, fetching its files, cancelling it.

(Bulk Data Access 2.0, "Bulk Data Status Request", "Bulk Data Output File Request", "Bulk Data Delete Request".)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Answer, Found, Place
from mockehr.fhir.bulk.job import Segment
from mockehr.fhir.bulk.kickoff import headerless
from mockehr.fhir.bulk.segments import unpacked
from mockehr.personalities.dates import http_date
from mockehr.sites.bulk import granted
from mockehr.sites.encodings import takes_gzip
from mockehr.sites.fhir_stages import authorise_by
from mockehr.sites.importing import answer_import
from mockehr.sites.token_stages import surrounding

if TYPE_CHECKING:
    from mockehr.sites.site import Site

NDJSON: Final = "application/fhir+ndjson"
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_CAPABILITIES: Final = ("on_request", "on_result", "on_reply", "on_wire")
_SIGNED: Final = "X-Amz-Signature"
_OTHER_NAMES: Final = MappingProxyType({"127.0.0.1": "localhost", "localhost": "127.0.0.1", "::1": "localhost"})
"""By which other name this machine is known. An object store is another origin, to which no client may take its
token along; where the machine has one name only, a token that came along does no harm."""


def files_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""
    bearer = authorise_by(site)

    def authorise(exchange: Exchange) -> None:
        found = place_of(site, exchange)
        if found is None or found.what == "bulk-stored" or exchange.method == "OPTIONS":
            return
        if found.what == "bulk-file" and not site.bulk.settings.requires_access_token:
            return
        bearer(exchange)

    def perform(exchange: Exchange) -> None:
        exchange.result = _answer(site, exchange)
        if site.mischief.armed("files", "on_result"):
            site.mischief.disturb("on_result", exchange)

    def shape(exchange: Exchange) -> None:
        exchange.reply = _shaped(site, exchange)
        # The journal keeps results for a while: what was answered is enough, without the octets.
        if isinstance(exchange.result, Segment):
            exchange.result = exchange.result.note
        elif isinstance(exchange.result, Answer):
            exchange.result = replace(exchange.result, document=None)

    return surrounding(site, authorise, name_file(site), perform, shape)


def name_file(site: Site) -> Stage:
    """Stage `name_interaction`: `bulk-status`, `bulk-delete`, `bulk-file`, or `bulk-stored` behind a redirect.

    Of imports: `import-status`, `import-delete`, `import-file`.
    """

    def name(exchange: Exchange) -> None:
        if exchange.interaction is None:
            found = place_of(site, exchange)
            what = found.what if found is not None else "bulk-file"
            ended = exchange.method == "DELETE"
            exchange.interaction = Interaction(f"{what.partition('-')[0]}-delete" if ended else what)

    return name


def place_of(site: Site, exchange: Exchange) -> Found | None:
    """What an exchange of this channel is about."""
    return site.bulk.addresses.find(exchange.path, exchange.query)


def wanted_file(site: Site, exchange: Exchange) -> Place | Problem:
    """The file that an exchange asks for, if its client may have it."""
    found = place_of(site, exchange)
    if found is None:
        return Problem(404, "not-found", "there is no such file")
    anybody = site.open_access or found.what == "bulk-stored" or not site.bulk.settings.requires_access_token
    place = site.bulk.locate(found.file, found.job, None if anybody else exchange.client)
    if isinstance(place, Problem):
        return place
    exchange.notes["job"] = place.job.id
    # A line of `deleted` or `error` tells no more than the manifest's client may know.
    kinds = (place.kind,) if place.section == "output" and not anybody else ()
    return _uncovered(exchange, kinds) or place


def _answer(site: Site, exchange: Exchange) -> Answer | Segment | Reply | Problem:
    found = place_of(site, exchange)
    assert found is not None
    if found.what in ("import-status", "import-file"):
        return answer_import(site, exchange, found)
    status = found.what == "bulk-status"
    allowed = ("GET", "DELETE") if status else ("GET", "HEAD")
    if exchange.method == "OPTIONS":
        return Reply(204, [("Allow", ", ".join((*allowed, "OPTIONS")))])
    missing = headerless(site.bulk.settings, exchange) if found.what != "bulk-stored" else None
    if missing is not None:
        return missing
    if exchange.method not in allowed:
        text = f"{exchange.method} is not offered here"
        return Problem(405, "interaction-unknown", text, where=", ".join(allowed))
    if not status:
        return _file(site, exchange, found)
    job = site.bulk.job(found.job, None if site.open_access else exchange.client)
    if isinstance(job, Problem):
        return job
    exchange.notes["job"] = job.id
    refusal = None if site.open_access else _uncovered(exchange, job.types)
    if refusal is not None:
        return refusal
    if exchange.method == "DELETE":
        site.bulk.cancel(job)
        return Reply(202)
    return site.bulk.poll(job)


def _uncovered(exchange: Exchange, kinds: Sequence[str]) -> Problem | None:
    """The refusal of a token that does not cover these types, as the kick-off's did ("Security Considerations")."""
    allowed = granted(exchange)
    if isinstance(allowed, Problem):
        return allowed
    kind = next((kind for kind in kinds if allowed(kind) is None), "")
    if not kind:
        return None
    return Problem(403, "scope-missing", f"The token does not cover the export of {kind}", resource_type=kind)


def _file(site: Site, exchange: Exchange, found: Found) -> Segment | Reply | Problem:
    place = wanted_file(site, exchange)
    if isinstance(place, Problem):
        return place
    if found.what == "bulk-stored":
        refusal = _unsigned(site, exchange, found.file)
        if refusal is not None:
            return refusal
    elif site.bulk.settings.files == "redirect":
        return Reply(307, [("Location", _signed(site, exchange, found.file))])
    segment = site.bulk.file(place)
    if isinstance(segment, Segment):
        exchange.notes |= {"file": found.file, "lines": segment.note.lines}
    return segment


# addresses that are good for a while, as object stores sign them (AWS Signature Version 4, query parameters)


def _signed(site: Site, exchange: Exchange, file: str) -> str:
    now = site.clock.now()
    stamp, seconds = _stamp(now), str(int(site.bulk.settings.signed_for))
    told = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": seconds,
        "X-Amz-SignedHeaders": "host",
        _SIGNED: _signature(site, file, stamp, seconds),
    }
    return f"{site.bulk.addresses.stored(_elsewhere(exchange.base_url), file)}?{urlencode(told)}"


def _elsewhere(base_url: str) -> str:
    """The address with the machine's other name, if it has one."""
    parts = urlsplit(base_url)
    other = _OTHER_NAMES.get(parts.hostname or "")
    if other is None:
        return base_url
    return parts._replace(netloc=other if parts.port is None else f"{other}:{parts.port}").geturl()


def _stamp(at: float) -> str:
    return instant(at).replace("-", "").replace(":", "")


def _signature(site: Site, file: str, stamp: str, seconds: str) -> str:
    return site.chance.key(site.name, "bulk-signature", file, stamp, seconds).hex()


def _unsigned(site: Site, exchange: Exchange, file: str) -> Reply | None:
    """Why an object store does not give a file; None if its address is signed and still good."""
    if "authorization" in exchange.headers and _elsewhere(exchange.base_url) != exchange.base_url:
        text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header"
        return _store_error(400, "InvalidArgument", text)
    given = {name: values[0] for name, values in parse_qs(exchange.query).items()}
    stamp, seconds = given.get("X-Amz-Date", ""), given.get("X-Amz-Expires", "")
    if given.get(_SIGNED) != _signature(site, file, stamp, seconds):
        return _store_error(403, "SignatureDoesNotMatch", "The signature does not match the request")
    # The stamp is ours: nobody else could have signed it.
    if _stamp(site.clock.now() - int(seconds)) > stamp:
        return _store_error(403, "AccessDenied", "Request has expired")
    return None


def _store_error(status: int, code: str, text: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Reply(status, [], body.encode(), None, "application/xml")


# answers


def _shaped(site: Site, exchange: Exchange) -> Reply:
    result = exchange.result
    if isinstance(result, Reply):
        return result
    if isinstance(result, Answer):
        return _status(site, result)
    if isinstance(result, Segment):
        return _content(site, exchange, result)
    assert isinstance(result, Problem)
    return site.personality.refuse(result, exchange.base_url, "application/fhir+json")


def _status(site: Site, answer: Answer) -> Reply:
    if answer.document is not None:
        return Reply(200, [("Expires", http_date(answer.job.expires))], b"", answer.document, "application/json")
    reply = Reply(202, [("X-Progress", answer.progress)] if answer.progress else [])
    if answer.retry_after:
        reply.headers.append(("Retry-After", str(answer.retry_after)))
    if site.bulk.settings.status_body:
        reply.document, reply.content_type = dict(site.bulk.settings.status_body), "application/json"
    return reply


def _content(site: Site, exchange: Exchange, segment: Segment) -> Reply:
    """A file or a range of it. Compressed as it lies for who takes that, unless a rule may want to see its lines."""
    settings, digest = site.bulk.settings, segment.note.digest
    reply = Reply(settings.file_status, [], content_type=NDJSON)
    ranges = exchange.headers.get("range", "") if settings.ranges and exchange.method == "GET" else ""
    if settings.ranges:
        reply.headers.append(("Accept-Ranges", "bytes"))
    if ranges and exchange.headers.get("if-range", f'"{digest}"') == f'"{digest}"':
        part = _part(ranges, unpacked(segment.packed))
        if part is not None:
            octets, told = part
            reply.headers += [("ETag", f'"{digest}"'), ("Content-Range", told)]
            reply.status, reply.body = (206, octets) if octets else (416, b"")
            return reply
    takes = takes_gzip(exchange.headers.get("accept-encoding", ""))
    if takes and site.media.compresses and not _watched(site):
        reply.body = segment.packed
        reply.headers += [("ETag", f'"{digest}-gzip"'), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    else:
        reply.body = unpacked(segment.packed)
        reply.headers.append(("ETag", f'"{digest}"'))
    return reply


def _watched(site: Site) -> bool:
    """Whether a rule may change what is sent."""
    return any(site.mischief.armed("files", capability) for capability in _CAPABILITIES)


def _part(told: str, whole: bytes) -> tuple[bytes, str] | None:
    """The octets of one range and its `Content-Range`; no octets if there are none there, None for no range.

    (RFC 9110 section 14.2: several ranges at once, and what cannot be read, may be answered with the whole.)
    """
    found = _RANGE.fullmatch(told.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    size, (first, last) = len(whole), found.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        return b"", f"bytes */{size}"
    return whole[start:end], f"bytes {start}-{end - 1}/{size}"
