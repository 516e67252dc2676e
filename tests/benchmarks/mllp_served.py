"""An MLLP listener for `mllp.py`, in a process of its own: prints where it listens as JSON, ends on SIGTERM.

mllp_served.py bare FILE     framing by our server and nothing else, answering the acknowledgement kept in FILE
mllp_served.py static RULES  everything that a site does but to apply the message: rules, journal, acknowledgement
mllp_served.py apply RULES   all of it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from served import listening, until_told

from mockehr.cli.loop import run_on_best_loop
from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import Pipeline
from mockehr.edge.mllp import MllpServer, Peer, Reaction
from mockehr.edge.mllp_site import listen_for, reactions
from mockehr.sites.build import build_site
from mockehr.sites.mllp_stages import Answered, mllp_stages
from mockehr.sites.options import SiteOptions

NOT_FIRING = ("reset", "ack-late", "ack-wrong-id", "latency", "reset")


def build(rules: int) -> Any:
    """A generic site with rules that look at every message and never act."""
    site = build_site(SiteOptions("main", patients=10))
    for number in range(rules):
        site.arm({"use": NOT_FIRING[number % 5], "name": f"rule-{number}", "where": {"client": "somebody-else"}})
    return site


def static(site: Any) -> MllpServer:
    """A listener whose messages run through all stages but `perform`, which takes them as they are."""

    def perform(exchange: Exchange) -> None:
        exchange.result = Answered("A")

    pipeline = Pipeline({**mllp_stages(site), "perform": perform})

    def answer(payload: bytes, peer: Peer) -> tuple[Reaction, ...]:
        exchange = Exchange("mllp-in", method="SEND", path="/", body=payload, peer=peer.host)
        return reactions(site, pipeline.run(exchange))

    return MllpServer("127.0.0.1", 0, answer)


def bare(kept: bytes) -> MllpServer:
    """A listener that always says the same."""
    return MllpServer("127.0.0.1", 0, lambda payload, peer: Reaction(kept[1:-2]))


async def serve(server: MllpServer) -> None:
    """Listen until told to end."""
    await server.start()
    listening(port=server.port)
    await until_told()
    await server.stop()


def main(kind: str, what: str) -> None:
    """Make the listener and serve it."""
    if kind == "bare":
        server = bare(Path(what).read_bytes())
    else:
        site = build(int(what))
        server = static(site) if kind == "static" else listen_for(site)
    run_on_best_loop(serve(server))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
