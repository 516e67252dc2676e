"""What the fixture `mockehr_webhooks` gives: a receiver of webhooks on loopback that remembers what arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.edge.certificates import Authority
from mockehr.edge.hook_receiver import Answer, Endpoint, HookReceiver
from mockehr.events.arrival import Arrival
from mockehr.events.reading import Said
from mockehr.testing.server import WorldServer

__all__ = ["Answer", "Arrival", "Place", "Receiver", "Said"]
PATH: Final = "/hook"
_REMEDY: Final = "Retries and late copies wait on the site's clock: site.advance(…) moves it."


class Place:
    """One endpoint of a receiver: what arrived there, in order, and what it answers. Safe to use from the test."""

    def __init__(self, endpoint: Endpoint, news: threading.Condition, url: Callable[[], str]) -> None:
        self._endpoint = endpoint
        self._news = news
        self._url = url

    @property
    def url(self) -> str:
        """Where to deliver: `http://127.0.0.1:port/hook`."""
        return self._url()

    @property
    def arrivals(self) -> list[Arrival]:
        """What arrived there until now."""
        return list(self._endpoint.arrivals)

    def answer(
        self,
        answer: int | Answer | Callable[[Arrival], int | Answer],
        times: int | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Answer the next `times` deliveries with a status; without `times` all that come after those.

        Several calls queue up: `answer(500, times=2)` and `answer(429, times=1)` give 500, 500, 429, and then 200.
        Instead of a status a function of the arrival may stand, which gives a status or an Answer.
        """
        told = Answer(answer, dict(headers or {}), body) if isinstance(answer, int) else answer
        if times is None:
            self._endpoint.always = told
        else:
            self._endpoint.next.extend([told] * times)

    def __len__(self) -> int:
        return len(self.arrivals)

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self.arrivals)

    def __getitem__(self, place: int) -> Arrival:
        return self.arrivals[place]

    def wait_for(self, n: int = 1, *, timeout: float = 5.0) -> list[Arrival]:
        """All deliveries as soon as there are `n`; raises VerdictFailed if `timeout` seconds are not enough."""
        __tracebackhide__ = True
        with self._news:
            if not self._news.wait_for(lambda: len(self.arrivals) >= n, timeout):
                told = "".join(f"\n  - {one.number}: {one.body[:200]!r} → {one.status}" for one in self.arrivals)
                raise VerdictFailed(
                    f"{len(self.arrivals)} of {n} deliveries arrived within {timeout:g} s.{told}", remedy=_REMEDY
                )
            return self.arrivals

    def wait_for_events(self, n: int = 1, *, timeout: float = 5.0) -> list[Said]:
        """All events as soon as there are `n` different ones; raises VerdictFailed like `wait_for`."""
        __tracebackhide__ = True
        with self._news:
            if not self._news.wait_for(lambda: len(self.by_event()) >= n, timeout):
                told = ", ".join(self.by_event()) or "none"
                raise VerdictFailed(
                    f"{len(self.by_event())} of {n} events arrived within {timeout:g} s: {told}.", remedy=_REMEDY
                )
            return self.events()

    def events(self) -> list[Said]:
        """What the deliveries tell of, read from their bodies in whichever form they are; repeated where they are."""
        return [said for arrival in self for said in arrival.events]

    def by_event(self) -> dict[str, list[Arrival]]:
        """Every event's deliveries by its id, in order of the first: more than one is a repetition or a retry."""
        found: dict[str, list[Arrival]] = {}
        for arrival in self:
            for said in arrival.events:
                found.setdefault(said.id, []).append(arrival)
        return found

    def verify(self, secret: str, *, scheme: str = "mockehr", now: float | None = None) -> None:
        """Raise VerdictFailed unless something arrived and all of it was signed with `secret`; see Arrival.verify."""
        if not self.arrivals:
            raise VerdictFailed("Nothing arrived.", remedy="Wait for it: wait_for(1).")
        for arrival in self:
            arrival.verify(secret, scheme=scheme, now=now)


class Receiver(Place):
    """Records deliveries in order of arrival and answers as told. Safe to use from the test's thread.

    It takes any method at any path; `at` gives an endpoint of its own to those below a path. A sender that wants its
    challenge back (Redox, WebSub) gets it, unless `echo` says otherwise.
    """

    def __init__(self, server: WorldServer) -> None:
        self._server = server
        self._told = threading.Condition()
        self._hooks = HookReceiver(self._heard)
        self._authority: Authority | None = None
        super().__init__(self._hooks.endpoints["/"], self._told, lambda: self._address(PATH))

    def start(self) -> Receiver:
        """Listen on a free port of loopback, in the session server's loop."""
        self._server.threaded.run(self._hooks.start())
        return self

    def stop(self) -> None:
        """Stop listening and close connections; what arrived is kept."""
        self._server.end(self._hooks.stop)
        if self._authority is not None:
            self._authority.close()

    @property
    def arrivals(self) -> list[Arrival]:
        """What arrived anywhere until now."""
        return list(self._hooks.arrivals)

    def at(self, path: str) -> Place:
        """The endpoint at a path and below it: it answers for itself, and has what arrived there."""
        endpoint = self._hooks.at(path)
        return Place(endpoint, self._told, lambda: self._address(endpoint.path))

    def secure(self) -> str:
        """Listen on a further port with TLS, which the session's server trusts from now on; its `https://` URL."""
        if self._authority is None:
            self._authority = Authority()
        identity, server = self._authority.server(), self._server.threaded
        server.call(server.server.trust, self._authority.ca_file)
        return f"https://127.0.0.1:{server.run(self._hooks.start(identity=identity))}{PATH}"

    def echo(self, on: bool) -> None:
        """Give those that want it their challenge back, or answer them like everybody."""
        self._hooks.echo = on

    def hold(self) -> AbstractContextManager[None]:
        """Answer nothing from now on until `release`, or to the end of the `with` that this is used in.

        What arrives is recorded at once.
        """
        self._hooks.holding = True
        return self._held()

    def release(self, count: int | None = None) -> int:
        """Answer what was held back, or the first `count` of it; how many that were."""
        return self._server.threaded.call(self._hooks.release, count)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.release()

    def _heard(self, arrival: Arrival) -> None:
        with self._told:
            self._told.notify_all()

    def _address(self, path: str) -> str:
        if not self._hooks.port:
            raise UsageError("The receiver does not listen yet.", remedy="Call start() first.")
        return f"http://127.0.0.1:{self._hooks.port}{path}"
