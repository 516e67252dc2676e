"""What the workstation is to do for one launch, and what it found; for any kind of browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from mockehr.edge.cookies import origin_of
from mockehr.edge.launch_record import Hop, Who
from mockehr.edge.pages import Form, WebPage

MOST_HOPS: Final = 30
PATIENCE: Final = 10.0
"""Wall seconds for one hop."""
PAGES: Final = ("sign-in", "choose-patient", "choose-encounter", "consent")
"""The hospital's pages that ask something."""

StopKind = Literal[
    "landed",
    "page",
    "scripts",
    "unreachable",
    "timeout",
    "too-large",
    "loop",
    "too-many-hops",
    "error-status",
    "no-location",
    "native-app",
    "page-repeated",
    "callback-not-loaded",
]


@dataclass(frozen=True, slots=True)
class Errand:
    """One launch, as the browser at the workstation is to play it."""

    url: str
    """The address to load first: `Opening.url`."""
    app: str
    """The app's launch address."""
    ehr: tuple[str, ...]
    """Origins of the EHR."""
    user: str = ""
    password: str = ""
    patient: str = ""
    encounter: str = ""
    deny: bool = False
    cookies: bool = True
    """See `mockehr.auth.launches.Opening`, as for the next two."""
    popups: bool = True
    callbacks: int = 1

    def who(self, url: str) -> Who:
        """Whose address that is."""
        origin = origin_of(url)
        if origin in self.ehr:
            return "ehr"
        return "app" if origin == origin_of(self.app) else "other"

    def answer(self, page: WebPage) -> tuple[Form, list[tuple[str, str]]] | None:
        """The hospital's question on a page, and the form that answers it; None if it asks nothing."""
        forms = {form.place: form for form in reversed(page.forms) if form.method == "post"}
        name = next((name for name in PAGES if name in forms), "")
        if not name:
            return None
        given: Mapping[str, dict[str, str]] = {
            "sign-in": {"username": self.user, "password": self.password},
            "choose-patient": {"patient": self.patient},
            "choose-encounter": {"encounter": self.encounter},
            "consent": {"decision": "deny" if self.deny else "allow"},
        }
        return forms[name], forms[name].filled(**given[name])


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why a browser stopped: `kind`, and what there is to say of it, as a clause without a full stop."""

    kind: StopKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser met on its way."""

    hops: tuple[Hop, ...]
    stop: Stop
    callback: str = ""
    """`code` or `error`, if the app was called back; the address is the URL of hop `called_at`."""
    called_at: int = 0
    error: str = ""
    """`error` and `error_description` of the callback."""
    redirect_uri: str = ""
    """What the app asked to be called back at."""
    scripts: bool = False
    """Whether the last page has scripts."""


def asked_redirect(url: str) -> str:
    """The redirect URI in an authorization request; empty for any other address."""
    told = parse_qs(urlsplit(url).query)
    return told["redirect_uri"][0] if "redirect_uri" in told and ("client_id" in told or "scope" in told) else ""


def callback_of(url: str, redirect_uri: str) -> str:
    """`code` or `error` if that address calls the app back, else nothing."""
    parts = urlsplit(url)
    told = parse_qs(parts.query) | parse_qs(parts.fragment)
    at = url.partition("#")[0].partition("?")[0]
    if not redirect_uri or at != redirect_uri.partition("#")[0].partition("?")[0]:
        return ""
    return next((name for name in ("error", "code") if name in told), "")


def error_of(url: str) -> str:
    """`error: error_description` of a callback."""
    told = parse_qs(urlsplit(url).query) | parse_qs(urlsplit(url).fragment)
    return ": ".join(told[name][0] for name in ("error", "error_description") if name in told)
