"""A site behind its MLLP listener."""

from __future__ import annotations

import asyncio

from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpSender
from mockehr.edge.mllp_site import listen_for
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions


def admission(id: str) -> bytes:
    return (
        f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28^ADT_A05|{id}|P|2.5.1\r"
        "EVN|A28|20260105120000\rPID|1||1^^^WARD^MR||Muster^Erika\r"
    ).encode()


def test_a_message_on_which_the_site_breaks_down_is_refused_and_the_connection_stays() -> None:
    async def talk() -> tuple[list[bytes], list[str]]:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        site = build_site(SiteOptions("a", stepped=True, open_access=True))
        handle = site.handle

        def breaking(exchange: Exchange) -> Exchange:
            if b"|BAD|" in exchange.body:
                raise ValueError("nobody foresaw this")
            return handle(exchange)

        site.handle = breaking  # type: ignore[method-assign]
        server = listen_for(site)
        await server.start()
        sender = MllpSender("127.0.0.1", server.port)
        outcomes = [await sender.send(admission(id)) for id in ("BAD", "GOOD")]
        await sender.close()
        await server.stop()
        return [one.ack for one in outcomes], told

    acks, told = asyncio.run(talk())
    assert b"MSA|AE|BAD" in acks[0]
    assert b"207" in acks[0]
    assert b"MSA|AA|GOOD" in acks[1]
    assert told == ["nobody foresaw this"]
