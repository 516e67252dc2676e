"""HL7 v2: links, listeners, messages that are sent, received, or set aside, octet by octet where wanted."""

from __future__ import annotations

from typing import Any

from mockehr.config.document import Document as Read
from mockehr.config.explain import validate
from mockehr.config.settings import LinkConfig
from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.clock import instant
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON, Exchange
from mockehr.sites.hl7_sections import link_from
from mockehr.sites.octets import octets_of
from mockehr.sites.parking import Parked
from mockehr.sites.reception import RETRY
from mockehr.sites.site import Site


@operation("hl7 links", "GET", "/hl7/links")
def links(site: Site) -> dict[str, Any]:
    """Every feed of the site: what it sent, what waits, what failed, why it is stopped, what could not be told."""
    return {"links": [link.status() for link in site.links.links.values()]}


@operation("hl7 add-link", "POST", "/hl7/links")
def add(site: Site, name: str, port: int, host: str = "127.0.0.1", more: Document = NOTHING) -> dict[str, Any]:
    """Send changes to a peer from now on; `more`: settings of a link in a server file (`messages`, `release` …)."""
    config = validate(LinkConfig, Read("link", {"name": name, "host": host, "port": port, **more}))
    if config.tls not in (None, "test"):  # no caller reads the files of the machine that serves
        raise UsageError("A link with files of its own for TLS is set up in a server file.", remedy="Use tls: test.")
    link = link_from(config, site.dialect, oid_root=site.personality.oid_root, folders=site.listeners.folders)
    return site.links.add(link).status()


@operation("hl7 remove-link", "DELETE", "/hl7/links/{name}")
def remove(site: Site, name: str) -> dict[str, Any]:
    """Send nothing over a link any more; what waits on it is given up."""
    return {"removed": site.links.remove(name).name}


@operation("hl7 stop", "POST", "/hl7/links/{name}/stop")
def stop(site: Site, name: str) -> dict[str, Any]:
    """Keep what is to go over a link until it is resumed."""
    link = site.links.get(name)
    site.links.stop(link)
    return link.status()


@operation("hl7 resume", "POST", "/hl7/links/{name}/resume")
def resume(site: Site, name: str) -> dict[str, Any]:
    """Let a stopped link go on, with the message at which it stopped; `hl7 skip` first to go on without that."""
    link = site.links.get(name)
    site.links.resume(link)
    return link.status()


@operation("hl7 flush", "POST", "/hl7/links/{name}/flush")
def flush(site: Site, name: str, discard: bool = False) -> dict[str, Any]:
    """Wait for no retry, batch or overtaking: send what waits now, or `discard` it."""
    link = site.links.get(name)
    return {"flushed": site.links.discard(link, "discarded by hand") if discard else site.links.flush(link)}


@operation("hl7 skip", "POST", "/hl7/links/{name}/skip")
def skip(site: Site, name: str) -> dict[str, Any]:
    """Set aside the messages at which a link stopped or which it tries again: those behind them may go."""
    link = site.links.get(name)
    return {"parked": [parked.number for parked in site.links.set_aside(link)]}


@operation("hl7 send", "POST", "/hl7/links/{name}/messages")
def send(site: Site, name: str, message: str, encoding: str = "utf-8") -> dict[str, Any]:
    """Put a message as it stands on a link; line ends become segment ends."""
    exchange = site.links.send(site.links.get(name), _octets(message, encoding))
    return {"entry": exchange.number, "message": exchange.notes["message"]}


@operation("hl7 messages", "GET", "/hl7/links/{name}/messages")
def messages(site: Site, name: str, limit: int = 200) -> dict[str, Any]:
    """What went over a link, oldest first: number, kind, MSH-10, attempt, and what the peer said."""
    link = site.links.get(name)
    found = [one for one in site.journal if one.channel == "mllp-out" and one.peer == link.name]
    return {"total": len(found), "messages": [_sent(one) for one in found[max(0, len(found) - limit) :]]}


@operation("hl7 receive", "POST", "/hl7/messages")
def receive(site: Site, message: str, listener: str = "", encoding: str = "utf-8") -> dict[str, Any]:
    """Give the site a message as if it had come over a listener; the acknowledgements are the answer."""
    path = site.listeners.named(listener).path if listener else "/"
    exchange = Exchange("mllp-in", "SEND", path, body=_octets(message, encoding), peer="control")
    return _answered(site.handle(exchange))


@operation("hl7 listeners", "GET", "/hl7/listeners")
def listeners(site: Site) -> dict[str, Any]:
    """Where the site takes messages, what it takes there, and how many connections there are."""
    folders = site.listeners.folders
    return {"listeners": site.listeners.status(), "folder": str(folders.into or ""), "problem": folders.problem}


@operation("hl7 drop-connections", "POST", "/hl7/drop-connections")
def drop_connections(site: Site, listener: str = "", link: str = "") -> dict[str, Any]:
    """Cut the connections of a listener or a link, or of all; peers have to make them anew."""
    of_links = [site.links.get(link)] if link else [] if listener else list(site.links.links.values())
    if listener:
        site.listeners.named(listener)
    for one in of_links:
        site.links.hang_up(one)
    return {"dropped": 0 if link else site.listeners.drop_connections(listener), "links": len(of_links)}


@operation("hl7 parked", "GET", "/hl7/parked")
def parked(site: Site, number: int = 0) -> dict[str, Any]:
    """The error queue: what was refused here or by a peer, and why; with `number` one message with its octets."""
    if number:
        one = site.links.parking.get(number)
        return one.told() | {"body": one.body.decode("utf-8", "replace")}
    return {"parked": [one.told() for one in site.links.parking]}


@operation("hl7 retry", "POST", "/hl7/parked/{number}/retry")
def retry(site: Site, number: int) -> dict[str, Any]:
    """Try a message of the error queue once more: apply it here, or send it again. What is refused again stays."""
    one = site.links.parking.get(number)
    if one.way == "out":
        return {"sent": site.links.unpark(one).number}
    return _apply(site, one)


@operation("hl7 drop", "DELETE", "/hl7/parked/{number}")
def drop(site: Site, number: int) -> dict[str, Any]:
    """Take a message out of the error queue for good."""
    return {"dropped": site.links.parking.drop(number).number}


@operation("journal bytes", "GET", "/journal/{number}/bytes")
def octets(site: Site, number: int) -> dict[str, Any]:
    """An HL7 entry as it was on the wire: frames, segments with offsets, control octets, what rules changed."""
    return octets_of(site.journal.get(number))


def _apply(site: Site, one: Parked) -> JSON:
    exchange = Exchange("mllp-in", RETRY, f"/{one.place}", body=one.body, peer="control")
    answered = _answered(site.handle(exchange))
    if answered["accepted"]:
        site.links.parking.drop(one.number)
    else:
        site.links.parking.again(one, str(exchange.notes.get("refused", "it was refused")))
    return answered


def _answered(exchange: Exchange) -> JSON:
    assert exchange.reply is not None
    earlier = getattr(exchange.result, "earlier", ())
    bodies = [*earlier, exchange.reply.body] if exchange.reply.body else list(earlier)
    return {
        "entry": exchange.number,
        "accepted": exchange.reply.status == 200,
        "acks": [body.decode("utf-8", "replace") for body in bodies],
    }


def _sent(exchange: Exchange) -> JSON:
    notes = exchange.notes
    fields = exchange.body.split(b"\r", 1)[0].split(exchange.body[3:4] or b"|")
    return {
        "entry": exchange.number,
        "message": notes.get("message", 0),
        "at": instant(exchange.at, millis=True),
        "kind": exchange.interaction.name if exchange.interaction else "",
        "control_id": fields[9].decode("latin-1") if len(fields) > 9 else "",
        "attempt": notes.get("attempt", 1),
        "ack": notes.get("ack", ""),
        "state": _state(exchange),
        "failure": notes.get("failure", ""),
    }


def _state(exchange: Exchange) -> str:
    if exchange.notes.get("dropped"):
        return "dropped"
    if exchange.reply is None:
        return "waiting"
    return "taken" if exchange.reply.status == 200 else str(exchange.notes.get("then", "given up"))


def _octets(message: str, encoding: str) -> bytes:
    if "\r" not in message:
        message = message.strip("\n").replace("\n", "\r") + "\r"
    try:
        return message.encode(encoding)
    except (LookupError, UnicodeEncodeError) as error:
        raise UsageError(f"The message cannot be written in {encoding}: {error}.", remedy="Use utf-8.") from error
