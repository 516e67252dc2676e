"""What keeps the sites' clocks firing and their deliveries leaving."""

from __future__ import annotations

import asyncio
from typing import Any

from mockehr.edge.outbound import Pump
from mockehr.edge.websockets import WebSockets
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions


def test_work_that_fails_at_one_site_is_told_and_holds_up_nobody() -> None:
    async def run() -> tuple[list[str], list[str]]:
        directory, fired, told = Directory(), list[str](), list[str]()
        north, south = (directory.add(build_site(SiteOptions(name))) for name in ("north", "south"))
        done = asyncio.Event()

        def fail() -> None:
            raise ValueError("a step that nobody foresaw")

        def work(name: str) -> None:
            fired.append(name)
            if len(fired) == 2:
                done.set()

        def handler(loop: Any, context: dict[str, Any]) -> None:
            told.append(f"{context['message']}: {context['exception']}")

        asyncio.get_running_loop().set_exception_handler(handler)
        pump = Pump(directory, WebSockets(directory))
        for site in directory:
            pump.attach(site)
        north.clock.schedule(north.clock.now(), fail, "fail")
        north.clock.schedule(north.clock.now(), lambda: work("north"), "work")
        south.clock.schedule(south.clock.now(), lambda: work("south"), "work")
        pump.start()
        await asyncio.wait_for(done.wait(), 5)
        await pump.stop()
        return sorted(fired), told

    fired, told = asyncio.run(run())
    assert fired == ["north", "south"]
    assert told == ["what fell due at the site north failed: a step that nobody foresaw"]
