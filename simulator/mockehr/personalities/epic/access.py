"""How Epic speaks of who is let in: token and introspection documents, failed authorizations. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from mockehr.core.exchange import JSON, Reply

_ORDER: Final = (
    *("active", "scope", "client_id", "username", "exp", "sub", "iss", "jti"),
    *("epic_user_type", "patient", "fhirUser"),
)
_ACTIONS: Final = "cruds"


def scope_text(scopes: str, form: str) -> str:
    """The `scope` of a token response: as granted, or (`split`) each permission of the v2 scopes on its own."""
    return " ".join(_split(scopes)) if form == "split" else scopes


def before_v2(scopes: str, case: str) -> str:
    """Scopes as releases before August 2024 told them, whatever was asked for: `patient/Patient.read`, or `.Read`."""
    found: dict[str, None] = {}
    for scope in scopes.split():
        place, _, rest = scope.partition("?")[0].rpartition(".")
        if "/" not in place or not rest or set(rest) - set(_ACTIONS):
            found[scope] = None
            continue
        words = [*(["read"] if set(rest) & set("rs") else []), *(["write"] if set(rest) & set("cud") else [])]
        found |= {f"{place}.{word.title() if case == 'title' else word}": None for word in words}
    return " ".join(found)


def _split(scopes: str) -> Iterator[str]:
    for scope in scopes.split():
        place, dot, rest = scope.rpartition(".") if "?" not in scope else scope.partition("?")[0].rpartition(".")
        _, mark, query = scope.partition("?")
        letters = rest if "/" in place and rest and set(rest) <= set(_ACTIONS) else ""
        if len(letters) < 2:
            yield scope
        else:
            yield from (f"{place}{dot}{letter}{mark}{query}" for letter in letters)


def introspection(document: JSON) -> JSON:
    """Epic's members in its order: the user name in capitals, `WPR` for users of the portal and `EMP` for others."""
    if not document.get("active"):
        return {"active": False}
    told = dict(document)
    if "username" in told:
        told["username"] = str(told["username"]).upper()
        kind = str(told.get("fhirUser", "")).rpartition("/")[0].rpartition("/")[2]
        told["epic_user_type"] = "WPR" if kind in ("Patient", "RelatedPerson") else "EMP"
    return {name: told[name] for name in _ORDER if name in told}


def refusal(settings: Mapping[str, Any], redirect: Any, page: Callable[[str], Reply]) -> Reply | None:
    """A page with one sentence and no way back to the app, except for what `authorize.redirected` lists."""
    refused = redirect.refused
    if settings["refusals"] == "page" and not (redirect.url and refused.reason in settings["redirected"]):
        made = page(str(settings["text"]))
        made.status = int(settings["statuses"].get(refused.reason, settings["status"]))
        return made
    if not redirect.url:
        return None
    told = {"error": settings["errors"].get(refused.reason, refused.error), "state": redirect.state}
    query = urlencode({name: value for name, value in told.items() if value})
    mark = "&" if "?" in redirect.uri else "?"
    return Reply(302, [("Location", f"{redirect.uri}{mark}{query}"), ("Cache-Control", "no-store")])
