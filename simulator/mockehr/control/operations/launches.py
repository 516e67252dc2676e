"""Apps, the people who use them, and opening one from the hospital's workstation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockehr.auth.launches import Launch
from mockehr.auth.people import User
from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.errors import UnknownName
from mockehr.sites.launching import checked, open_app
from mockehr.sites.site import Site
from mockehr.sites.test_client import APP_SCOPES, register_app


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
    """Register a SMART app: public, or confidential by a secret or by the public test keys."""
    uris = [str(uri) for uri in redirect_uris]
    made = register_app(site, client_id, uris, scopes, secret=secret, keys=keys, name=title)
    return {"client_id": made.client_id, "redirect_uris": list(made.redirect_uris), "scopes": made.scopes.text}


@operation("user list", "GET", "/users")
def users(site: Site) -> dict[str, Any]:
    """Who can sign in; `password` says whether one is asked for."""
    return {"users": [_shown(user) for user in site.auth.users]}


@operation("user add", "POST", "/users")
def sign_up(
    site: Site, username: str, reference: str, title: str = "", password: str = "", patients: Sequence[Any] = ()
) -> dict[str, Any]:
    """Let somebody sign in as `Practitioner/…`, `Patient/…` or `RelatedPerson/…`, the latter for some `patients`."""
    return _shown(site.auth.users.add(User(username, reference, title, password, tuple(map(str, patients)))))


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
) -> dict[str, Any]:
    """Open an app from the EHR: the address to load, with `iss` and a `launch` that is good once.

    `address` is the server's own, as the app reaches it. With `ask` the user is asked what a stranger would be.
    """
    launch = _launch(user, patient, encounter, client_id, intent=intent, context=context, extras=extras, ask=ask)
    exchange = open_app(site, launch, app, f"{address.rstrip('/')}/{site.name}{site.fhir_path}".rstrip("/"))
    opening = exchange.result
    return {"url": opening.url, "iss": opening.iss, "launch": opening.launch.handle, "entry": exchange.number}


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
    launch = _launch(user, patient, encounter, client_id, withhold=withhold, deny=deny)
    site.auth.launches.approve(checked(site, launch))
    return {"client_id": client_id, "user": user, "patient": patient}


@operation("approval remove", "DELETE", "/approvals/{client_id}")
def withdraw(site: Site, client_id: str) -> dict[str, Any]:
    """Show pages to an app's users again."""
    if site.auth.launches.approved(client_id) is None:
        raise UnknownName("approved app", client_id, [client.client_id for client in site.auth.clients])
    site.auth.launches.withdraw(client_id)
    return {"client_id": client_id}


def _launch(
    user: str,
    patient: str,
    encounter: str,
    client_id: str,
    *,
    intent: str = "",
    context: Sequence[Any] = (),
    extras: Document = NOTHING,
    ask: bool = False,
    withhold: Sequence[Any] = (),
    deny: bool = False,
) -> Launch:
    return Launch(
        user=user,
        patient=patient,
        encounter=encounter,
        intent=intent,
        client_id=client_id,
        fhir_context=tuple(one if isinstance(one, dict) else {"reference": str(one)} for one in context),
        extras=dict(extras),
        approved=not ask,
        withheld=tuple(map(str, withhold)),
        denied=deny,
    )


def _shown(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "name": user.name,
        "reference": user.reference,
        "patients": list(user.patients),
        "password": bool(user.password),
    }
