"""A server that keeps redirect URIs in a form of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

from mockehr.auth.front.steps import Redirect
from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

FORMS: Final = ("slash", "host-case", "path-case", "default-port", "percent")
PLACES: Final = ("authorize", "redirect", "token")
_DEFAULT: Final = {"http": ":80", "https": ":443"}
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@quirk("redirect-uri-normalisation", family="launch", ledger=("B4",), channels=("authorize", "token"))
@dataclass(frozen=True, slots=True)
class RedirectUriNormalisation:
    """The server normalises redirect URIs by each of `forms`: it takes the `slash` at the end away, writes host
    (`host-case`) or path (`path-case`) in small letters, drops the `default-port`, or undoes `percent` encoding that
    was not needed. A URI on which that does nothing is never in trouble.

    `at` says where it shows: `authorize` (what was sent does not match what is kept, and is refused), `redirect` (the
    browser is sent to the normalised form), `token` (the token endpoint compares with the normalised form). Coping:
    register one canonical URI, and send exactly that text to both endpoints.
    """

    forms: tuple[str, ...] = FORMS
    at: tuple[str, ...] = ("redirect", "token")

    def __post_init__(self) -> None:
        for name, given, known in (("forms", self.forms, FORMS), ("at", self.at, PLACES)):
            wrong = [one for one in given if one not in known]
            if wrong or not given:
                raise ValueError(f"{name} is {given!r}; it may have {', '.join(known)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """Requests are compared, replies are sent elsewhere."""
        if capability == "on_reply":
            return channel == "authorize" and "redirect" in self.at
        return channel in self.at

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse what is not in the normalised form."""
        text = exchange.body.decode("utf-8", "replace") if exchange.body else exchange.query
        sent = parse_qs(text).get("redirect_uri", [""])[0]
        kept = normalised(sent, self.forms)
        if sent == kept:
            act.leave("nothing to normalise" if sent else "no redirect URI")
            return
        act.why = f"{sent} is kept as {kept}"
        if exchange.channel == "token":
            exchange.result = Refused(
                "redirect-uri-mismatch", "redirect_uri is not that of the authorization request."
            )
        else:
            exchange.result = Refused("redirect-uri-unregistered", f"{sent!r} is not registered for this client.")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Send the browser to the normalised form."""
        step, reply = exchange.result, exchange.reply
        sent = step.uri if isinstance(step, Redirect) else ""
        kept = normalised(sent, self.forms)
        if reply is None or sent == kept or not reply.header("location").startswith(sent):
            act.leave("nothing to normalise" if sent else "not on the way back to the app")
            return
        act.why = f"{sent} is kept as {kept}"
        reply.set_header("Location", kept + reply.header("location")[len(sent) :])


def normalised(uri: str, forms: tuple[str, ...]) -> str:
    """A redirect URI as such a server keeps it."""
    parts = urlsplit(uri)
    host, path = parts.netloc, parts.path
    if "host-case" in forms:
        host = host.lower()
    if "default-port" in forms:
        host = host.removesuffix(_DEFAULT.get(parts.scheme, "\n"))
    if "percent" in forms:
        path = re.sub("%([0-9A-Fa-f]{2})", _decoded, path)
    if "path-case" in forms:
        path = path.lower()
    if "slash" in forms and len(path) > 1:
        path = path.rstrip("/") or "/"
    return urlunsplit(parts._replace(netloc=host, path=path))


def _decoded(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if letter in _UNRESERVED else found[0].upper()
