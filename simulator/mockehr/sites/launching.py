"""Opening apps from the hospital's workstation: EHR launches, and answers given ahead for tests.

The opening itself crosses the site's border and goes through the nine stages of channel `launch`; whoever has a
browser, or something like one, then loads the address (`Opening.url`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mockehr.auth.launches import Launch, Opening
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.sites.test_client import APP_SCOPES, register_app

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def checked(site: Site, launch: Launch) -> Launch:
    """The launch, if its user, patient, encounter and client are there; raises UnknownName or UsageError."""
    if launch.user:
        user = site.auth.users.get(launch.user)
        if launch.patient and not user.staff and launch.patient not in user.patients:
            remedy = f"Choose one of {', '.join(user.patients)}, or another user."
            raise UsageError(f"{launch.user} may not open the record of {launch.patient}.", remedy=remedy)
    charts = site.auth.door.charts
    if launch.patient and charts.patient(launch.patient) is None:
        near = [choice.id for choice in charts.patients("", 3)]
        raise UnknownName("patient", launch.patient, near)
    if launch.encounter:
        known = [choice.id for choice in charts.encounters(launch.patient, 1000)] if launch.patient else []
        if launch.encounter not in known:
            raise UnknownName("encounter of that patient", launch.encounter, known)
    if launch.client_id:
        site.auth.clients.get(launch.client_id)
    return launch


def planned(
    site: Site,
    *,
    user: str,
    patient: str = "",
    encounter: str = "",
    client_id: str = "",
    intent: str = "",
    context: Sequence[Any] = (),
    extras: Mapping[str, Any] | None = None,
    ask: bool = False,
    deny: bool = False,
) -> Launch:
    """A launch that can be; `context` are references, or objects as `fhirContext` has them.

    With `ask` nobody is signed in and nothing is allowed yet; the user declines on the page that asks, where the site
    has one. Raises UnknownName or UsageError.
    """
    by_page = ask and _asks(site, user)
    launch = Launch(
        user=user,
        patient=patient,
        encounter=encounter,
        intent=intent,
        client_id=client_id,
        fhir_context=tuple(one if isinstance(one, dict) else {"reference": str(one)} for one in context),
        extras=dict(extras or {}),
        approved=not ask,
        denied=deny and not by_page,
    )
    known = checked(site, launch)
    return replace(known, user="") if ask else known


def _asks(site: Site, user: str) -> bool:
    """Whether the site asks that user, opening an app from the EHR, what the app may have; raises UnknownName."""
    asked = site.auth.settings.consent
    return asked == "always" or (asked == "patients" and not site.auth.users.get(user).staff)


def make_known(site: Site, client_id: str, redirect_uri: str, scopes: str = "") -> None:
    """Register an app as a public client, unless its client id is known; raises UsageError without one."""
    if not client_id:
        remedy = "Give the client id that the app sends, too."
        raise UsageError(f"No client id was given for the app at {redirect_uri}.", remedy=remedy)
    if site.auth.clients.find(client_id) is None:
        register_app(site, client_id, [redirect_uri], scopes or APP_SCOPES)


def base_of(site: Site, address: str) -> str:
    """The site's FHIR base on a server at `address`, without a slash at the end; raises UsageError for no address."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{address!r} is no address of a server.", remedy="Write it like http://127.0.0.1:8642.")
    return f"{address.rstrip('/')}/{site.name}{site.fhir_path}".rstrip("/")


def open_app(site: Site, launch: Launch, app: str, base_url: str) -> Exchange:
    """Issue a launch and open the app for it; the exchange's result is the Opening.

    `app` is the app's launch address, `base_url` the site's FHIR base as the app reaches it. Raises UnknownName or
    UsageError for a launch that cannot be.
    """
    if urlsplit(app).scheme not in ("http", "https") or not urlsplit(app).netloc:
        raise UsageError(f"{app!r} is no address of an app.", remedy="Write it like http://127.0.0.1:3000/launch.")
    issued = site.auth.launches.issue(checked(site, launch), site.clock.now())
    exchange = Exchange("launch", "GET", app, direction="out", base_url=base_url, patient=launch.patient)
    exchange.notes["opening"] = Opening(issued, app, base_url)
    return site.handle(exchange)


def launch_stages(site: Site) -> Mapping[str, Stage]:
    """The stages: the opening is amended by rules; loading the address is left to whoever has a browser."""
    mischief = site.mischief

    def name(exchange: Exchange) -> None:
        exchange.interaction = exchange.interaction or Interaction("launch")

    def perform(exchange: Exchange) -> None:
        opening: Opening = exchange.notes.pop("opening")
        exchange.client = opening.launch.client_id
        exchange.result = mischief.amend("on_launch", opening, exchange)

    def shape(exchange: Exchange) -> None:
        opening: Opening = exchange.result
        told = replace(opening.launch, handle="")
        context = {"user": told.user, "patient": told.patient, "encounter": told.encounter, "intent": told.intent}
        exchange.notes |= {name: value for name, value in context.items() if value}
        exchange.notes["iss"] = opening.iss
        exchange.reply = Reply(302, [("Location", opening.url)])

    return {
        "open_entry": site.journal.open,
        "disturb_arrival": lambda e: mischief.disturb("on_request", e),
        "authorise": lambda e: None,
        "name_interaction": name,
        "perform": perform,
        "shape": shape,
        "disturb_reply": lambda e: mischief.disturb("on_reply", e),
        "render": lambda e: None,
        "close_entry": site.journal.close,
    }
