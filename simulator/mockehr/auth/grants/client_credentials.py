"""The client_credentials grant: a system asks in its own name.

Sources: SMART App Launch 2.2 Backend Services ("Obtain access token"); RFC 6749 sections 3.3 and 4.4.
"""

from __future__ import annotations

from mockehr.auth.clients import Client
from mockehr.auth.grants.flow import Asking
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scope, Scopes, about_nothing
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant
from mockehr.core.errors import nearest_names

NAME = "client_credentials"
_OF_A_PERSON = frozenset(
    {
        "openid",
        "fhirUser",
        "profile",
        "launch",
        "launch/patient",
        "launch/encounter",
        "offline_access",
        "online_access",
    }
)


def draft(asking: Asking) -> Grant:
    """The grant for the scopes asked for, as far as the client may have them; raises Refused `scope-…`.

    Of a vendor who wants more parameters Refused `parameter-missing` where one is not there, or is another site's.
    """
    for name, value in asking.settings.system_parameters.items():
        given = asking.request.get(name)
        if value is None:
            continue
        if not given or given != (value or given):
            raise Refused("parameter-missing", f"The parameter {name} is {'wrong' if given else 'missing'}.")
    lifetime = asking.settings.token_lifetime
    return Grant(
        client_id=asking.client.client_id,
        scopes=grant_scopes(asking.request.get("scope"), asking.client, asking.settings),
        issued_at=asking.now,
        expires_at=asking.now + lifetime,
        announced=lifetime,
        grant_type=NAME,
    )


def grant_scopes(asked: str, client: Client, settings: AuthSettings) -> Scopes:
    """What a request for `asked` (the text of the `scope` parameter) gets; raises Refused if that is nothing."""
    registered = client.scopes.keep(_without_a_person)
    if not asked.split():
        if settings.scope_absent == "refuse":
            raise Refused("scope-missing", "The parameter scope is required.")
        if not registered:
            raise Refused("scope-not-registered", "The client is registered for no system scope.")
        return registered
    requested = Scopes.parse(asked)
    understood = requested.keep(lambda scope: scope.dialect in settings.scope_dialects)
    proper = understood.keep(
        lambda scope: _without_a_person(scope) and not about_nothing(scope, settings.resource_types)
    )
    granted = proper.intersect(registered)
    if (settings.scope_uncovered == "refuse" and granted != requested) or not granted:
        raise _why(requested, understood, proper, settings)
    return granted


def _why(requested: Scopes, understood: Scopes, proper: Scopes, settings: AuthSettings) -> Refused:
    """The first thing wrong with a request of which something, or everything, was not granted."""
    if understood != requested:
        return Refused("scope-dialect", "A scope is written in a dialect that this server does not understand.")
    strange = next((scope for scope in understood if about_nothing(scope, settings.resource_types)), None)
    if strange is not None:
        near = nearest_names(strange.resource_type[:64], settings.resource_types, limit=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return Refused("scope-type-unknown", f"{strange.text[:100]} is for no resource type that there is{hint}")
    if proper != understood:
        return Refused("scope-context", "Without a user there are no patient/, user/ or launch scopes.")
    return Refused("scope-not-registered", "The client is not registered for the scopes that it asks for.")


def _without_a_person(scope: Scope) -> bool:
    return scope.context in ("", "system") and scope.text not in _OF_A_PERSON
