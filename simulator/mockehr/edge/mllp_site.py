"""A site's MLLP listener: frames become exchanges, effects become reactions."""

from __future__ import annotations

import asyncio
import ssl as tls
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpCaller, MllpServer, Peer, Reaction, Reception
from mockehr.edge.mllp_manner import Manner
from mockehr.edge.mllp_reception import Handler
from mockehr.edge.mllp_socket import ONCE, Backoff, KeepAlive
from mockehr.edge.mllp_tls import Contexts
from mockehr.hl7.ack import UNKNOWN_HEADER, acknowledge
from mockehr.hl7.faults import Fault
from mockehr.hl7.header import NotHL7, read_header
from mockehr.sites.listeners import Listener
from mockehr.sites.mllp_stages import Answered
from mockehr.sites.site import Site

AS_DUE: Final = Reception(ordered=False)
"""A late acknowledgement holds up nothing else."""


def listen_for(
    site: Site,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    reception: Reception = AS_DUE,
    ssl: tls.SSLContext | None = None,
    path: str = "/",
) -> MllpServer:
    """A server (not started yet) whose messages go to that site; `path` names the listener whose settings hold."""
    return MllpServer(host, port, _handler(site, path), reception, ssl=ssl)


def call_for(
    site: Site,
    *,
    host: str,
    port: int,
    reception: Reception = AS_DUE,
    backoff: Backoff = ONCE,
    ssl: tls.SSLContext | None = None,
    server_name: str | None = None,
    path: str = "/",
) -> MllpCaller:
    """A receiver (not started yet) that dials a peer and gives its messages to that site."""
    handler = _handler(site, path)
    return MllpCaller(host, port, handler, reception, backoff=backoff, ssl=ssl, server_name=server_name)


def opened(site: Site, listener: Listener, contexts: Contexts, *, host: str = "127.0.0.1") -> MllpServer | MllpCaller:
    """What a site's listener asks for, not started yet. Raises EnvironmentProblem for TLS that cannot be."""
    reception = Reception(
        ordered=False,
        release=listener.release,
        max_connections=listener.max_connections,
        messages_per_connection=listener.messages_per_connection,
        idle=listener.idle,
        keep_alive=KeepAlive.after(listener.keep_alive),
    )
    if listener.dial is None:
        ssl = contexts.server(listener.tls)
        return listen_for(site, host=host, port=listener.port, reception=reception, ssl=ssl, path=listener.path)
    name = (listener.tls.server_name or None) if listener.tls is not None else None
    peer, port = listener.dial
    ssl = contexts.client(listener.tls)
    return call_for(site, host=peer, port=port, reception=reception, ssl=ssl, server_name=name, path=listener.path)


def reactions(site: Site, exchange: Exchange) -> tuple[Reaction, ...]:
    """What to write for an exchange that ran through its pipeline."""
    assert exchange.reply is not None
    result = exchange.result
    early = tuple(Reaction(body) for body in result.earlier) if isinstance(result, Answered) else ()
    effects = exchange.effects
    body = exchange.reply.body or None
    if effects is None:
        return (*early, Reaction(body))

    def wall(seconds: float) -> float:
        return site.clock.wait_for(site.clock.now() + seconds) or 0.0

    delay = wall(effects.arrival_delay + effects.reply_delay)
    return (*early, Reaction(body, delay=delay, manner=Manner.of(effects, wall)))


def failed(site: Site, payload: bytes) -> bytes:
    """The acknowledgement of a message on which the site itself broke down: AE, 207."""
    try:
        header = read_header(payload)
    except NotHL7:
        header = UNKNOWN_HEADER
    number = f"{site.name.upper()}{site.journal.last}F"
    return acknowledge(header, "AE", at=site.clock.now(), control_id=number, errors=(Fault(207),))


def _handler(site: Site, path: str) -> Handler:
    def on_message(payload: bytes, peer: Peer) -> tuple[Reaction, ...]:
        exchange = Exchange("mllp-in", method="SEND", path=path, body=payload, peer=peer.host)
        if peer.anomalies:
            exchange.notes["anomalies"] = [str(anomaly) for anomaly in peer.anomalies]
        try:
            site.handle(exchange)
        except Exception as error:  # the peer is told at least; without an answer it would send the same for ever
            told = {"message": f"a message to the site {site.name} could not be handled", "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)
            return (Reaction(failed(site, payload)),)
        return reactions(site, exchange)

    return on_message
