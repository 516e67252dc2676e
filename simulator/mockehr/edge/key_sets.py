"""Clients' key sets by URL (SMART Backend Services, `jwks_uri`): fetched before a token request runs, for its site.

The pipeline never waits, so the edge asks the site what the request will need, gets it, and hands it in. Requests
that need the same URL at the same time share one fetch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site
from mockehr.sites.token_stages import token_settings

if TYPE_CHECKING:
    import httpx2

SIZE_LIMIT: Final = 1 << 20
"""Octets of the largest key set that is taken."""
_HEADERS: Final = MappingProxyType({"Accept": "application/json", "Accept-Encoding": "identity"})


class Unreachable(Exception):
    """Why a key set cannot be had, as a clause for people, without a full stop."""


class KeySets:
    """Fetches the key sets that token requests need. Use it within one event loop, and `close` it at the end."""

    def __init__(self) -> None:
        self.fetched = 0
        """Fetches begun so far."""
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._client: httpx2.AsyncClient | None = None

    async def provide(self, site: Site, exchange: Exchange) -> None:
        """Hand to the site the key set that a token request needs, by the settings that hold for it, if it needs one.

        The caller runs the request's pipeline before it awaits anything else.
        """
        settings = token_settings(site, exchange) or site.auth.settings
        url = site.auth.wanted_key_set(exchange.body, settings)
        if url:
            site.auth.keep_key_set(url, await self._shared(url, settings.jwks_timeout))

    async def close(self) -> None:
        """Give up what is under way, which whoever waits for it takes for a failure, and close connections."""
        fetches = list(self._under_way.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _shared(self, url: str, within: float) -> Any:
        task = self._under_way.get(url)
        if task is None:
            self.fetched += 1
            task = self._under_way[url] = asyncio.get_running_loop().create_task(self._outcome(url, within))
            task.add_done_callback(lambda done: self._under_way.pop(url, None))
        return await asyncio.shield(task)  # who gives up waiting does not take it from the others

    async def _outcome(self, url: str, within: float) -> Any:
        """The document at the URL, or the text there if it is no JSON, or Unreachable."""
        try:
            octets = await _in_time(within, self._octets(url))
        except Unreachable as error:
            return error
        except asyncio.CancelledError:  # by `close`, the only one who knows this task
            return Unreachable("this server stops")
        try:
            return orjson.loads(octets)
        except orjson.JSONDecodeError:
            return octets.decode("utf-8", "replace")

    async def _octets(self, url: str) -> bytes:
        import httpx2

        try:
            async with self._http().stream("GET", url, headers=_HEADERS) as answer:
                if answer.is_redirect:
                    raise Unreachable(f"it answers {answer.status_code}, and redirects are not followed")
                if answer.status_code != 200:
                    raise Unreachable(f"it answers {answer.status_code}")
                parts, size = [], 0
                async for part in answer.aiter_bytes():
                    size += len(part)
                    if size > SIZE_LIMIT:
                        raise Unreachable(f"it is larger than {SIZE_LIMIT} octets")
                    parts.append(part)
                return b"".join(parts)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unreachable(str(error).rstrip(".") or type(error).__name__) from error

    def _http(self) -> httpx2.AsyncClient:
        """The client; `trust_env` off, or a proxy for the world outside would be asked for servers on loopback."""
        if self._client is None:
            import httpx2

            # The deadline is ours, and no connection is kept for the minutes between two fetches.
            limits = httpx2.Limits(max_keepalive_connections=0)
            self._client = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=None, limits=limits)
        return self._client


async def _in_time(seconds: float, work: Coroutine[Any, Any, bytes]) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise Unreachable(f"it does not answer within {seconds:g} s") from error
