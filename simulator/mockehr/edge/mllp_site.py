"""A site's MLLP listener: frames become exchanges, effects become reactions."""

from __future__ import annotations

from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpServer, Peer, Reaction
from mockehr.sites.mllp_stages import Answered
from mockehr.sites.site import Site


def listen_for(site: Site, *, host: str = "127.0.0.1", port: int = 0) -> MllpServer:
    """A server (not started yet) whose messages go to that site. A late acknowledgement holds up nothing else."""

    def on_message(payload: bytes, peer: Peer) -> tuple[Reaction, ...]:
        exchange = Exchange("mllp-in", method="SEND", path="/", body=payload, peer=peer.host)
        if peer.anomalies:
            exchange.notes["anomalies"] = [str(anomaly) for anomaly in peer.anomalies]
        site.handle(exchange)
        return reactions(site, exchange)

    return MllpServer(host, port, on_message, ordered=False)


def reactions(site: Site, exchange: Exchange) -> tuple[Reaction, ...]:
    """What to write for an exchange that ran through its pipeline."""
    assert exchange.reply is not None
    result = exchange.result
    early = tuple(Reaction(body) for body in result.earlier) if isinstance(result, Answered) else ()
    effects = exchange.effects
    if effects is None:
        return (*early, Reaction(exchange.reply.body or None))
    delay = effects.arrival_delay + effects.reply_delay
    wall = site.clock.wait_for(site.clock.now() + delay) or 0.0
    silent = effects.lost or not exchange.reply.body
    return (
        *early,
        Reaction(
            None if silent else exchange.reply.body,
            delay=wall,
            split=effects.split,
            prefix=effects.prefix,
            close=effects.close or effects.lost,
            reset=bool(effects.reset),
        ),
    )
