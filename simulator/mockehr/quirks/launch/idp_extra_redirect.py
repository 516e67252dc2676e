"""A customer's identity provider between the app and the authorization server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

from mockehr.auth.front.steps import Redirect
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

STATES: Final = ("kept", "dropped", "decoded", "encoded", "ascii", "cut")
LONGEST: Final = 64
"""Characters of a parameter that a provider lets through that cuts."""
MOST: Final = 10


@quirk("idp-extra-redirect", family="launch", ledger=("B7",), channels=("authorize",), interactions=("authorize",))
@dataclass(frozen=True, slots=True)
class IdpExtraRedirect:
    """The browser is sent over `hops` stations of an identity provider before it comes to sign in, and the provider
    does something to the query: `parameters` are `kept`, `dropped`, `decoded` once too often (`+` becomes a blank,
    `%41` an A), `encoded` once too often, made `ascii` (`?` for all else), or `cut` to 64 characters.

    So `state` may come back altered or not at all. Coping: a short state of letters, digits, `-` and `_`, compared
    when it comes back; no code is redeemed for a state that is not one's own.
    """

    hops: int = 2
    how: str = "kept"
    parameters: tuple[str, ...] = ("state",)

    def __post_init__(self) -> None:
        if not 1 <= self.hops <= MOST:
            raise ValueError(f"hops is {self.hops}; it must be 1 to {MOST}")
        if self.how not in STATES:
            raise ValueError(f"how is {self.how!r}; it must be one of {', '.join(STATES)}")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Send the browser to the first station, with the parameters as the provider leaves them."""
        text = exchange.body.decode("utf-8", "replace") if exchange.method == "POST" else exchange.query
        pairs = parse_qsl(text, keep_blank_values=True)
        left = [(name, self._passed(value) if name in self.parameters else value) for name, value in pairs]
        if self.how == "dropped":
            left = [pair for pair in left if pair[0] not in self.parameters]
        altered = [name for name in self.parameters if dict(pairs).get(name) != dict(left).get(name)]
        act.why = f"{self.hops} stations" + (f", {', '.join(altered)} {self.how}" if altered else "")
        query = urlencode([("hop", "1"), ("of", str(self.hops)), *left])
        exchange.result = Redirect(f"{act.world.page_address('idp', exchange.base_url)}?{query}")

    def _passed(self, value: str) -> str:
        """A parameter's value as the provider passes it on."""
        if self.how == "decoded":
            return unquote_plus(value)
        if self.how == "encoded":
            return quote(value, safe="")
        if self.how == "ascii":
            return value.encode("ascii", "replace").decode("ascii")
        return value[:LONGEST] if self.how == "cut" else value
