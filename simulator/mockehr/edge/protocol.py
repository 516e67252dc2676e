"""uvicorn's HTTP protocol, with the transport within reach, so that a reply can be cut anywhere."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockehr.edge.http import TRANSPORT


class CuttableProtocol(HttpToolsProtocol):
    """Puts the connection's transport into `scope["extensions"]`; otherwise uvicorn's own protocol."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {TRANSPORT: self.transport}
            await inner(scope, receive, send)

        self.app = app
