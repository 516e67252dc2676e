"""Apps, the people who use them, and opening one from the hospital's workstation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mockehr.auth.clients import Client
from mockehr.auth.launches import Launch, Opening
from mockehr.auth.people import User
from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.errors import DuplicateName, UsageError, nearest_names
from mockehr.sites.launching import base_of, checked, open_app, planned
from mockehr.sites.site import Site
from mockehr.sites.test_client import APP_SCOPES, register_app

WHO: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")
"""Types of those who sign in."""


@operation("app add", "POST", "/apps")
def add(
    site: Site,
    client_id: str,
    redirect_uris: Sequence[Any],
    scopes: str = APP_SCOPES,
    secret: str = "",
    keys: bool = False,
    title: str = "",
) -> dict[str, Any]:
    """Register a SMART app: public, or confidential by a `secret` or by the public test `keys`."""
    uris = [str(uri) for uri in redirect_uris]
    try:
        made = register_app(site, client_id, uris, scopes, secret=secret, keys=keys, name=title)
    except DuplicateName as error:
        raise UsageError(
            f"Another client {client_id!r} is registered here.",
            remedy=f"Take it away first (mockehr app remove {site.name} {client_id}), or choose another id.",
        ) from error
    return _registered(made)


@operation("app list", "GET", "/apps")
def apps(site: Site) -> dict[str, Any]:
    """Clients that users can let in: where they are called back, for which scopes, and how they prove themselves."""
    registered = [client for client in site.auth.clients if client.redirect_uris]
    return {"apps": [_registered(client) for client in registered]}


@operation("app remove", "DELETE", "/apps/{client_id}")
def forget(site: Site, client_id: str) -> dict[str, Any]:
    """Forget an app's registration: the EHR does not know it any more."""
    return _registered(site.auth.clients.remove(client_id))


@operation("user list", "GET", "/users")
def users(site: Site) -> dict[str, Any]:
    """Who can sign in; `password` says whether one is asked for."""
    return {"users": [_shown(user) for user in site.auth.users]}


@operation("user add", "POST", "/users")
def sign_up(
    site: Site, username: str, reference: str, title: str = "", password: str = "", patients: Sequence[Any] = ()
) -> dict[str, Any]:
    """Let somebody sign in: `Practitioner/…`, `Patient/…`, or `RelatedPerson/…`, who sees only `patients`."""
    resource_type, _, logical = reference.partition("/")
    if resource_type not in WHO or not logical:
        raise UsageError(
            f"{reference!r} is nobody who signs in.",
            nearest=", ".join(f"{name}/{logical or 'ID'}" for name in nearest_names(resource_type, WHO)),
            remedy=f"Write it like {', '.join(f'{name}/ID' for name in WHO)}.",
        )
    return _shown(site.auth.users.add(User(username, reference, title, password, tuple(map(str, patients)))))


@operation("user remove", "DELETE", "/users/{username}")
def strike_off(site: Site, username: str) -> dict[str, Any]:
    """Let somebody sign in no more; what they let in goes on until it ends."""
    return _shown(site.auth.users.remove(username))


@operation("app open", "POST", "/launches")
def start(
    site: Site,
    app: str,
    address: str = "",
    client_id: str = "",
    user: str = "clinician",
    patient: str = "",
    encounter: str = "",
    intent: str = "",
    context: Sequence[Any] = (),
    extras: Document = NOTHING,
    ask: bool = False,
    deny: bool = False,
) -> dict[str, Any]:
    """Open an app from the EHR: the address to load, with `iss` and a `launch` that is good once.

    `address` is the server's own, as the app reaches it; over HTTP the one that was asked, unless told. With `ask`
    the user is asked what a stranger would be. `cookies`, `popups` and `callbacks` say how a browser has to treat it.
    """
    launch = planned(
        site,
        user=user,
        patient=patient,
        encounter=encounter,
        intent=intent,
        context=context,
        extras=extras,
        client_id=client_id,
        ask=ask,
        deny=deny,
    )
    exchange = open_app(site, launch, app, base_of(site, address))
    opening: Opening = exchange.result
    return {
        "url": opening.url,
        "iss": opening.iss,
        "launch": opening.launch.handle,
        "entry": exchange.number,
        "cookies": opening.cookies,
        "popups": opening.popups,
        "callbacks": opening.callbacks,
    }


@operation("approval add", "POST", "/approvals")
def approve(
    site: Site,
    client_id: str,
    user: str = "clinician",
    patient: str = "",
    encounter: str = "",
    withhold: Sequence[Any] = (),
    deny: bool = False,
) -> dict[str, Any]:
    """Answer standalone launches of an app ahead, so that no page is shown: who, which patient, which scopes not."""
    launch = Launch(
        user=user,
        patient=patient,
        encounter=encounter,
        client_id=client_id,
        withheld=tuple(map(str, withhold)),
        denied=deny,
    )
    site.auth.launches.approve(checked(site, launch))
    return _approved(launch)


@operation("approval list", "GET", "/approvals")
def approvals(site: Site) -> dict[str, Any]:
    """What is answered ahead, app by app."""
    return {"approvals": [_approved(launch) for launch in site.auth.launches.approvals()]}


@operation("approval remove", "DELETE", "/approvals/{client_id}")
def withdraw(site: Site, client_id: str) -> dict[str, Any]:
    """Show pages to an app's users again."""
    if site.auth.launches.approved(client_id) is None:
        site.auth.clients.get(client_id)
        raise UsageError(
            f"Nothing is approved ahead for {client_id!r}.", remedy="Its users see the pages; there is nothing to do."
        )
    site.auth.launches.withdraw(client_id)
    return {"client_id": client_id}


def _approved(launch: Launch) -> dict[str, Any]:
    told = {name: getattr(launch, name) for name in ("client_id", "user", "patient", "encounter")}
    return told | {"withhold": list(launch.withheld), "deny": launch.denied}


def _registered(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "scopes": client.scopes.text,
        "methods": list(client.methods()),
    }


def _shown(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "name": user.name,
        "reference": user.reference,
        "patients": list(user.patients),
        "password": bool(user.password),
    }
