"""Refresh tokens: what they stand for, when they change, and what happens when an old one comes back.

All tokens that stem from one authorization are a family. Sources: RFC 6749 sections 6 and 10.4; RFC 9700 section
4.14.2 (an old refresh token that is used again ends its family); SMART App Launch 2.2 (`online_access`,
`offline_access`).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Literal

from mockehr.auth.clients import Client
from mockehr.auth.drawers import Drawers
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, TokenTable
from mockehr.core.chance import Chance

Kind = Literal["", "offline", "online"]


@dataclass(frozen=True, slots=True)
class Renewal:
    """The one refresh token of a family that is good now."""

    token: str
    grant: Grant
    """What was granted first; a refresh gives that, or less of it."""
    until: float
    kind: Kind = "offline"
    """`online`: it ends with the user's session."""
    used_at: float = 0.0
    uses: int = 0


class Renewals:
    """The refresh tokens of one site."""

    def __init__(self, drawers: Drawers, chance: Chance, settings: AuthSettings, tokens: TokenTable) -> None:
        self._drawers = drawers
        self._chance = chance
        self._settings = settings
        self._tokens = tokens

    def first(self, grant: Grant, client: Client, now: float) -> str:
        """The refresh token that comes with a family's first access token; empty if none does."""
        kind = kind_of(grant, client, self._settings)
        if not kind or not grant.family:
            return ""
        until = now + (self._settings.online_lifetime if kind == "online" else self._settings.refresh_lifetime)
        token = self._drawn(grant, kind, 0)
        self._keep(Renewal(token, replace(grant, token=""), until, kind))
        return token

    def find(self, token: str, client: Client, now: float) -> Renewal:
        """The renewal that a refresh token stands for; raises Refused, and ends the family if it was used before."""
        family = self._drawers["refresh tokens"].get(token, now)
        held: Renewal | None = self._drawers["families"].get(family, now) if family else None
        if held is None:
            raise Refused("refresh-token-unknown", "The refresh token is not known, or is over.")
        if held.grant.client_id != client.client_id:
            raise Refused("refresh-token-of-another", "The refresh token was issued to another client.")
        if held.token != token:
            self.end(family)
            raise Refused("refresh-token-used", "The refresh token was used before; all tokens beside it are ended.")
        if now - held.used_at < self._settings.refresh_interval:
            raise Refused("refresh-too-soon", "The token was refreshed a moment ago.")
        return held

    def follow(self, held: Renewal, client: Client, now: float) -> str:
        """Count a use; the refresh token that takes the old one's place, empty if that stays.

        Raises Refused for all but one of those that use a token which changes at once, in processes of one site.
        """
        rotates = self._settings.refresh_rotates
        until = held.until
        if self._settings.refresh_slides and held.kind == "offline":
            until = now + self._settings.refresh_lifetime
        used = replace(held, used_at=now, uses=held.uses + 1, until=until)
        if rotates == "never" or (rotates == "public" and not client.public):
            self._keep(used)
            return ""
        if self._drawers["families"].take(held.grant.family, now) is None:
            raise Refused("refresh-token-used", "The refresh token was used a moment ago.")
        token = self._drawn(held.grant, held.kind, used.uses)
        self._keep(replace(used, token=token))
        return token

    def family_of(self, token: str, now: float) -> Renewal | None:
        """The renewal whose present refresh token that is."""
        family = self._drawers["refresh tokens"].get(token, now)
        held: Renewal | None = self._drawers["families"].get(family, now) if family else None
        return held if held is not None and held.token == token else None

    def owner(self, token: str, now: float) -> str:
        """Id of the client that a refresh token was issued to, used since or not; empty if it is not known."""
        family = self._drawers["refresh tokens"].get(token, now)
        held: Renewal | None = self._drawers["families"].get(family, now) if family else None
        return held.grant.client_id if held is not None else ""

    def end(self, family: str) -> None:
        """End all tokens that stem from one authorization."""
        self._drawers["families"].take(family, 0.0)
        for client_id, grant in self._drawers["devices"].items():  # who registered a device with a token of these
            if grant.family == family:
                self._drawers["devices"].take(client_id, 0.0)
        self._tokens.revoke_family(family)

    def end_all(self, now: float, client_id: str = "", *, kind: Kind = "", username: str = "") -> int:
        """End refresh tokens (of one client, one kind, one user), as when sessions end; how many.

        Access tokens go on.
        """
        ended = 0
        for held in self._drawers["families"].every(now):
            of_client, of_user = held.grant.client_id, held.grant.username
            if kind in ("", held.kind) and client_id in ("", of_client) and username in ("", of_user):
                ended += self._drawers["families"].take(held.grant.family, now) is not None
        return ended

    def _keep(self, renewal: Renewal) -> None:
        self._drawers["refresh tokens"].put(renewal.token, renewal.grant.family, renewal.until)
        self._drawers["families"].put(renewal.grant.family, renewal, renewal.until)

    def _drawn(self, grant: Grant, kind: Kind, use: int) -> str:
        stream = self._chance.stream("refresh-token", grant.family, use)
        if self._settings.refresh_form == "opaque":
            return base64.urlsafe_b64encode(stream.token(32)).rstrip(b"=").decode("ascii")
        parts = {
            "id": stream.uuid(),
            "secret": stream.uuid(),
            "ver": "1.1",
            "type": f"{kind}_access",
            "profile": "smart-v1",
            "persona": "patient" if grant.own else "provider",
        }
        return base64.b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode("ascii")


def kind_of(grant: Grant, client: Client, settings: AuthSettings) -> Kind:
    """By which scope a grant may be renewed; empty if it may not."""
    if "refresh_token" not in settings.grants or "refresh_token" not in client.grant_types:
        return ""
    if client.public and not settings.refresh_public:
        return ""
    kinds: tuple[Kind, ...] = ("offline", "online")
    return next((kind for kind in kinds if f"{kind}_access" in grant.scopes and kind in settings.refresh), "")
