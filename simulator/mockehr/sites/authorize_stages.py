"""The nine stages of channel `authorize`: what a browser sees of the authorization server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlencode

from mockehr.auth.form import FORM
from mockehr.auth.front.door import FrontDoor
from mockehr.auth.front.render import CONTENT_TYPE, page_headers, page_html
from mockehr.auth.front.request import read_request
from mockehr.auth.front.steps import Page, Redirect, Step
from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.sites.claims import claimed
from mockehr.sites.launch_pages import launch_page, next_station
from mockehr.sites.token_stages import named, surrounding, token_settings

if TYPE_CHECKING:
    from mockehr.sites.site import Site

COOKIE: Final = "mockehr_session"
_METHODS: Final = ("GET", "POST", "HEAD")
Form = Mapping[str, list[str]]
_LOOKED_AT: Final = frozenset({"sign-in", "choose-patient"})
"""Pages that may be asked for by their address: to sign in as somebody else, to search for a patient."""
_ASKED: Final = frozenset({"pending", "text"})


def authorize_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""

    def name(exchange: Exchange) -> None:
        named(exchange, site.endpoints.name(exchange.path))

    def arrive(exchange: Exchange) -> None:
        """Rules are told which page this is, and whose, before anything is performed."""
        name(exchange)
        asking = claimed(exchange)
        if asking in site.auth.clients:
            exchange.client = asking
        site.mischief.disturb("on_request", exchange)

    def perform(exchange: Exchange) -> None:
        exchange.result = _step(site, exchange)

    def shape(exchange: Exchange) -> None:
        answer = exchange.result
        if isinstance(answer, Problem):
            exchange.reply = site.personality.refuse(answer, exchange.base_url, "application/json")
            return
        if isinstance(answer, Reply):
            exchange.reply = answer
            return
        if isinstance(answer, Refused):
            answer = Redirect("", client_id=site.claimant(exchange), refused=answer)
        assert isinstance(answer, Redirect | Page)
        exchange.client = answer.client_id or exchange.client
        if answer.refused is not None:
            exchange.notes["refused"] = answer.refused.reason
            exchange.notes["refused_because"] = answer.refused.text
        if answer.user:
            exchange.notes["user"] = answer.user
        exchange.reply = _reply(site, exchange, answer)
        if answer.session:
            exchange.reply.headers.append(("Set-Cookie", _cookie(answer.session, site, exchange)))

    return {**surrounding(site, lambda e: None, name, perform, shape), "disturb_arrival": arrive}


def _step(site: Site, exchange: Exchange) -> Step | Problem | Refused | Reply:
    """What comes next for a browser that brought this."""
    beside = launch_page(site, exchange)
    if beside is not None:
        return beside
    if exchange.method not in _METHODS:
        return Problem(405, "interaction-unknown", "A browser asks with GET or POST", where="GET, POST")
    if exchange.method == "HEAD":  # to look must not use up a launch, nor make a code
        return Reply(200, page_headers(), content_type=CONTENT_TYPE)
    posted = exchange.method == "POST"
    text = exchange.body.decode("utf-8", "replace") if posted else exchange.query
    if posted and exchange.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return Refused("content-type", f"A form must be sent as {FORM}.")
    assert exchange.interaction is not None
    if exchange.interaction.name == "error":
        return _error_page(site, exchange)
    try:
        if exchange.interaction.name == "manage":
            return _manage(site, exchange, parse_qs(text, keep_blank_values=True) if posted else {})
        if exchange.interaction.name == "idp":
            station = next_station(site, exchange)
            return station if isinstance(station, Redirect) else _begin(site, exchange, station)
        if exchange.interaction.name == "authorize":
            return _begin(site, exchange, text)
        form = parse_qs(text, keep_blank_values=True)
        name = exchange.interaction.name
        if not posted:  # whoever follows a link has answered nothing
            form = {told: values for told, values in form.items() if told in _ASKED}
            name = name if name in _LOOKED_AT else "continue"
        answer = _ANSWERS[name](site.auth.door, form)
    except Refused as refused:
        return refused
    if isinstance(answer, Page) and posted and not answer.notice:
        # So that neither going back nor loading the page again sends the form once more.
        target = f"{site.addresses(exchange.base_url).authorize}/continue?{urlencode({'pending': answer.pending})}"
        return Redirect(target, client_id=answer.client_id, user=answer.user, session=answer.session)
    return answer


def _begin(site: Site, exchange: Exchange, text: str) -> Step:
    """An authorization request; rules may have other settings for it (`notes["auth"]`)."""
    door, settings = site.auth.door, token_settings(site, exchange)
    if settings is not None:
        door = replace(door, settings=settings)
    return door.begin(read_request(text), site.addresses(exchange.base_url), session=_session(exchange))


def _manage(site: Site, exchange: Exchange, form: Form) -> Step:
    """Who is signed in sees what they let in; a form signs in, takes something back, or signs out.

    A foreign page cannot post it: the cookie does not go along with posts of other sites.
    """
    door, management, session = site.auth.door, site.auth.management, _session(exchange)
    here = site.addresses(exchange.base_url).manage
    user = door.user_of(session)
    if _one(form, "leave"):
        door.leave(session)
        return Redirect(here)
    if _one(form, "withdraw") and user is not None:
        management.withdraw(user.username, _one(form, "withdraw"))
        return Redirect(here, user=user.username)
    accounts = tuple(door.open_accounts())
    if "username" in form and user is None:
        user, begun = door.admit(_one(form, "username"), _one(form, "password"))
        if user is not None:
            return Redirect(here, user=user.username, session=begun)
        return management.page(None, accounts, notice="That name and password do not belong together.")
    return management.page(user, accounts)


def _sign_in(door: FrontDoor, form: Form) -> Step:
    return door.sign_in(_one(form, "pending"), _one(form, "username"), _one(form, "password"))


def _choose_patient(door: FrontDoor, form: Form) -> Step:
    return door.choose_patient(_one(form, "pending"), _one(form, "patient"), text=_one(form, "text"))


def _choose_encounter(door: FrontDoor, form: Form) -> Step:
    return door.choose_encounter(_one(form, "pending"), _one(form, "encounter"))


def _consent(door: FrontDoor, form: Form) -> Step:
    allowed = _one(form, "decision") == "allow"
    return door.decide(_one(form, "pending"), allowed=allowed, scopes=form.get("scope", []))


def _continue(door: FrontDoor, form: Form) -> Step:
    return door.proceed(door.find(_one(form, "pending")))


_ANSWERS: Final[Mapping[str, Callable[[FrontDoor, Form], Step]]] = MappingProxyType(
    {
        "sign-in": _sign_in,
        "choose-patient": _choose_patient,
        "choose-encounter": _choose_encounter,
        "consent": _consent,
        "continue": _continue,
    }
)


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _error_page(site: Site, exchange: Exchange) -> Page | Problem:
    """What is at the address of an error (`error_uri`)."""
    text = site.personality.error_text(unquote(exchange.path))
    return Page("error", text=text) if text else Problem(404, "not-found", "There is no such error")


def _reply(site: Site, exchange: Exchange, step: Step) -> Reply:
    """A redirect or a page, as the vendor has it."""
    where = site.addresses(exchange.base_url)
    action, manage = _path(where.authorize), _path(where.manage)

    def page(told: Page, status: int = 200) -> Reply:
        body = page_html(told, hospital=f"{site.personality.title} ({site.name})", action=action, manage=manage)
        return Reply(status, page_headers(), body, content_type=CONTENT_TYPE)

    if isinstance(step, Page):
        return page(step)
    refused = step.refused
    if refused is not None:
        own = site.personality.authorize_refusal(
            step, lambda text: page(Page("error", text=text), 400), exchange.base_url
        )
        if own is not None:
            return own
        if not step.url:
            return page(Page("refused", refused=refused), 400)
    return Reply(303 if exchange.method == "POST" else 302, [("Location", step.url), ("Cache-Control", "no-store")])


def _session(exchange: Exchange) -> str:
    try:
        found = SimpleCookie(exchange.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _cookie(session: str, site: Site, exchange: Exchange) -> str:
    """For this site alone, out of reach of scripts, and not sent from pages of others save by links."""
    path = _path(exchange.base_url).removesuffix(site.fhir_path.rstrip("/")) or "/"
    secure = "; Secure" if exchange.base_url.startswith("https:") else ""
    return f"{COOKIE}={session}; Path={path}; HttpOnly; SameSite=Lax{secure}"


def _path(address: str) -> str:
    """The path of an address of ours, whatever the client wrote for a host: `urlsplit` refuses some of it."""
    _, slash, path = address.partition("://")[2].partition("/")
    return slash + path
