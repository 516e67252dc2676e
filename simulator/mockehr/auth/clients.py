"""The clients that one site knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockehr.auth.drawers import FOR_EVER, Drawers
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import Method
from mockehr.core.errors import DuplicateName, UnknownName


@dataclass(frozen=True, slots=True)
class Client:
    """One registration. Keys come from `jwks` (kept here) or `jwks_uri` (fetched); a secret may stand instead."""

    client_id: str
    scopes: Scopes
    jwks: Mapping[str, Any] | None = None
    """A JWK Set: `{"keys": [...]}`."""
    jwks_uri: str = ""
    secret: str = field(default="", repr=False)
    active: bool = True
    active_from: float = 0.0
    """Site seconds before which it is not active yet: registrations take their time to come to a site."""
    public: bool = False
    """It has no secret to prove itself by: an app in a browser or on a telephone (RFC 6749 section 2.1)."""
    redirect_uris: tuple[str, ...] = ()
    """Compared as they are written."""
    grant_types: tuple[str, ...] = ("client_credentials",)
    auth_methods: tuple[Method, ...] = ()
    """Methods that the client registered; empty for those that its credentials serve."""
    name: str = ""

    def methods(self) -> tuple[Method, ...]:
        """How this client may authenticate."""
        if self.auth_methods:
            return self.auth_methods
        keyed: tuple[Method, ...] = ("private_key_jwt",) if self.jwks is not None or self.jwks_uri else ()
        shared: tuple[Method, ...] = ()
        if self.secret:
            shared = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
        nothing: tuple[Method, ...] = ("none",) if self.public else ()
        return keyed + shared + nothing

    def is_active(self, now: float) -> bool:
        """Whether it may be used at that site time."""
        return self.active and now >= self.active_from


class ClientRegistry:
    """Registrations by client id.

    Those that clients made for themselves lie in a drawer: all processes of a site know of them, and they are gone
    when the site starts anew.
    """

    def __init__(self, drawers: Drawers | None = None) -> None:
        self._clients: dict[str, Client] = {}
        self._drawers = drawers or Drawers()
        self.struck_off: set[str] = set()
        """Ids of those that were removed. One that is merely unknown may have registered before the site started."""

    def add(self, client: Client) -> Client:
        """Register; raises DuplicateName if the id is taken by another registration."""
        present = self.find(client.client_id)
        if present is not None and present != client:
            raise DuplicateName("client", client.client_id, repr(present), repr(client))
        self._clients[client.client_id] = client
        return client

    def register(self, client: Client) -> Client:
        """Take in a client that registered itself, under an id that was drawn for it."""
        self._drawers["clients"].put(client.client_id, client, FOR_EVER)
        return client

    def replace(self, client: Client) -> Client:
        """Put `client` in the place of the registration with its id (new keys, inactive …); raises UnknownName."""
        self.get(client.client_id)
        if client.client_id in self._clients:
            self._clients[client.client_id] = client
            return client
        return self.register(client)

    def remove(self, client_id: str) -> Client:
        """Forget a registration; raises UnknownName."""
        client = self.get(client_id)
        self._clients.pop(client_id, None)
        self._drawers["clients"].take(client_id, 0.0)
        self.struck_off.add(client_id)
        return client

    def get(self, client_id: str) -> Client:
        """The registration; raises UnknownName with the nearest ids."""
        client = self.find(client_id)
        if client is None:
            raise UnknownName("client", client_id, [one.client_id for one in self])
        return client

    def find(self, client_id: str) -> Client | None:
        """The registration, or None."""
        found: Client | None = self._clients.get(client_id)
        return found if found is not None else self._drawers["clients"].get(client_id, 0.0)

    def __contains__(self, client_id: str) -> bool:
        return self.find(client_id) is not None

    def __iter__(self) -> Iterator[Client]:
        yield from tuple(self._clients.values())
        yield from self._drawers["clients"].every(0.0)

    def __len__(self) -> int:
        return len(self._clients) + len(self._drawers["clients"].every(0.0))
