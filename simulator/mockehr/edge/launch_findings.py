"""What became of a launch, from what the browser met and what the site's journal says: outcome, reason, remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.edge.errand import Journey
from mockehr.edge.launch_record import STAGES, Hop, Outcome

BROWSER_REMEDY: Final = (
    "Drive it with a real browser: mockehr launch SITE --app URL --browser; or open the address of --print yourself."
)
REMEDIES: Final = MappingProxyType(
    {
        "client-unknown": "Register the app (mockehr app add, or --redirect-uri), or have it send its own client_id.",
        "client-inactive": "Wait until the registration is active: move the site's clock.",
        "redirect-uri-unregistered": "Register exactly what the app sends, or send what is registered.",
        "redirect-uri-missing": "Send redirect_uri with the authorization request.",
        "redirect-uri-mismatch": "Send the same redirect_uri to the token endpoint as to the authorization endpoint.",
        "parameter-missing": "Send the parameter.",
        "parameter-repeated": "Send each parameter once.",
        "response-type": "Send response_type=code.",
        "audience-missing": "Send aud: the iss of the launch.",
        "audience-wrong": "Send as aud the iss that the app was launched with, unchanged.",
        "scope-missing": "Ask for scopes; with a launch the scope launch is one of them.",
        "scope-not-registered": "Register the app for the scopes that it asks for, or ask for fewer.",
        "scope-dialect": "Write scopes as this vendor does: mockehr routes and its smart-configuration say how.",
        "pkce-missing": "Send code_challenge with code_challenge_method=S256.",
        "pkce-method": "Send code_challenge_method=S256.",
        "pkce-malformed": "Send the base64url of the verifier's SHA-256, without padding.",
        "launch-unknown": "Bring back the launch of this very opening, once, before it is over.",
        "launch-missing": "Bring back the parameter launch, or do not ask for the scope launch.",
        "launch-of-another": "Launch the app with the client id that it uses.",
        "launch-not-offered": "This server offers no such launch: see launch-ehr in its smart-configuration.",
        "state-too-long": "Keep what state carries in the session, and send a short value.",
        "denied": "The app should tell its user that access was declined, and offer to try again.",
        "code-unknown": "Redeem the code that came with the callback, before it is over.",
        "code-used": "Redeem each code once, also when a browser loads the callback twice.",
        "code-of-another": "Redeem a code with the client id that asked for it.",
        "verifier-missing": "Send code_verifier, kept from the authorization request.",
        "verifier-wrong": "Keep the verifier by state: the one sent is not that of this request.",
        "authentication-missing": "The client is confidential: send its secret or a signed assertion.",
        "secret-wrong": "Send the secret that is registered.",
        "method-not-registered": "Authenticate by a method that the client is registered for.",
        "method-not-offered": "Authenticate by a method of token_endpoint_auth_methods_supported.",
        "login-required": "Do not send prompt=none, or open the app where somebody is signed in.",
        "interaction-required": "Do not send prompt=none where the user has to be asked.",
    }
)
"""What to do about a refusal, by its reason (`mockehr.auth.refusal`)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the site knows of clients: redirect URIs and scopes by client id."""

    redirect_uris: Mapping[str, Sequence[str]]
    scopes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """See the fields of `LaunchRecord`."""

    outcome: Outcome
    reason: str
    what: str
    nearest: str = ""
    remedy: str = ""


def stages_of(journey: Journey, entries: Sequence[JSON]) -> tuple[str, ...]:
    """Which of STAGES were reached."""
    redeemed = next((one["entry"] for one in entries if _redeems(one) and one["status"] == 200), 0)
    called = bool(journey.callback)
    reached = {
        "app-opened": any(hop.who == "app" and hop.status for hop in journey.hops),
        "discovery-fetched": any(_discovers(one) and one["status"] == 200 for one in entries),
        "authorize-requested": any(one["channel"] == "authorize" for one in entries),
        "signed-in": any(one["channel"] == "authorize" and one.get("user") for one in entries),
        "called-back": called,
        "code-redeemed": bool(redeemed),
        "token-used": any(one["channel"] == "fhir" and one["entry"] > redeemed and _used(one) for one in entries)
        and bool(redeemed),
        "landed": called and journey.stop.kind == "landed",
    }
    return tuple(name for name in STAGES if reached[name])


def judge(journey: Journey, entries: Sequence[JSON], known: Known, iss: str) -> Finding:
    """The outcome: what the EHR refused comes before what the app made of it."""
    if journey.stop.kind in ("loop", "too-many-hops"):
        return _looped(journey, entries)
    tokens = [one for one in entries if _redeems(one)]
    if tokens and tokens[-1]["status"] >= 400:
        return _refusal("The EHR refused the code", tokens[-1], entries, known, iss)
    lost = _lost(journey) if sum(map(_begins, entries)) > 1 else ""
    asked = [one for one in entries if one["channel"] == "authorize" and one["interaction"] != "error"]
    if asked and asked[-1].get("refused") and not tokens:
        told = "The user declined" if asked[-1]["refused"] == "denied" else "The EHR refused the authorization"
        found = _refusal(told, asked[-1], entries, known, iss)
        return replace(found, nearest=found.nearest or lost)
    if journey.callback == "error" and not tokens:
        return Finding("refused", "error-returned", f"The EHR called the app back with an error: {journey.error}.")
    if journey.stop.kind == "landed" and tokens:
        return Finding("completed", "landed", "The app redeemed its code and showed a page.")
    return _JUDGES.get(journey.stop.kind, _broken)(journey, entries)


def remarks(journey: Journey, entries: Sequence[JSON]) -> tuple[str, ...]:
    """What else one should know of it."""
    found = []
    for hop in journey.hops:
        framing = hop.response.get("x-frame-options", "").upper()
        if hop.who == "app" and framing in ("DENY", "SAMEORIGIN"):
            found.append(f"Hop {hop.number}: X-Frame-Options is {framing}: an EHR cannot show the app in a frame.")
    refused = _data_refused(entries)
    if refused:
        told = ", ".join(f"#{one['entry']} {one['path']}" for one in refused[:5])
        requests = "a request" if len(refused) == 1 else f"{len(refused)} requests"
        found.append(f"The EHR refused {requests} of the app for data: {told}.")
    withheld = _withheld(entries)
    if withheld:
        found.append(f"It asked for scopes that it did not get: {' '.join(withheld)}.")
    began = [one for one in entries if _begins(one)]
    if began and not any("launch" in parse_qs(one["query"]) for one in began):
        found.append("The app did not bring back launch: it asked as if it had been started by itself.")
    fired = [rule for one in entries for rule in one.get("decisions", ()) if rule["outcome"] == "fired"]
    found += [f"Rule {rule['rule']} ({rule['quirk']}) fired." for rule in fired]
    return tuple(dict.fromkeys(found))


def _redeems(entry: JSON) -> bool:
    return (entry["channel"], entry["interaction"]) == ("token", "authorization_code")


def _data_refused(entries: Sequence[JSON]) -> list[JSON]:
    """Requests for data that were refused although the app had redeemed its code."""
    if not any(_redeems(one) and one["status"] == 200 for one in entries):
        return []
    return [one for one in entries if one["channel"] == "fhir" and one["status"] in (401, 403)]


def _withheld(entries: Sequence[JSON]) -> list[str]:
    """Scopes for resource types that the last authorization request asked for and its token has nothing of.

    A vendor who writes scopes in a way of its own (SMART v1 for v2) grants the same in other words: whatever the
    token has for the resource type counts, as does a wildcard.
    """
    asked = [parse_qs(one["query"]).get("scope", [""])[0] for one in entries if _begins(one)]
    granted = [one["granted"].split() for one in entries if _redeems(one) and one.get("granted")]
    if not asked or not granted:
        return []
    kept = {_subject(scope) for scope in granted[-1]}
    return [scope for scope in dict.fromkeys(asked[-1].split()) if _lacks(kept, _subject(scope))]


def _lacks(kept: Collection[str], subject: str) -> bool:
    level, _, name = subject.partition("/")
    return bool(name) and name != "*" and subject not in kept and f"{level}/*" not in kept


def _subject(scope: str) -> str:
    """`patient/Observation` of `patient/Observation.rs?category=…`; nothing for a scope without interactions."""
    return scope.partition("?")[0].rpartition(".")[0]


def _begins(entry: JSON) -> bool:
    """Whether it is an authorization request, or a station on its way."""
    return entry["channel"] == "authorize" and "client_id=" in entry["query"]


def _discovers(entry: JSON) -> bool:
    return (entry["channel"], entry["interaction"]) in (
        ("discovery", "smart-configuration"),
        ("fhir", "capabilities"),
    )


def _used(entry: JSON) -> bool:
    return bool(entry["client"]) and 0 < entry["status"] < 400


def _refusal(told: str, entry: JSON, entries: Sequence[JSON], known: Known, iss: str) -> Finding:
    reason = entry.get("refused", "") or "error"
    because = str(entry.get("refused_because", "")).rstrip(".")
    if not because:
        because = f"entry {entry['entry']} was answered {entry['status']}"
        because += "".join(f", by rule {one['rule']}" for one in _fired(entry))
    told = f"{told}: {because}." if because != told else f"{told}."
    nearest = _nearest(reason, entries, known, iss)
    remedy = REMEDIES.get(reason, f"mockehr journal why SITE {entry['entry']} says more.")
    if _fired(entry):
        quirks = ", ".join(dict.fromkeys(one["quirk"] for one in _fired(entry)))
        remedy = f"A rule did it: mockehr quirk show {quirks} --brief says how an app copes."
    return Finding("refused", reason, told, nearest, remedy)


def _nearest(reason: str, entries: Sequence[JSON], known: Known, iss: str) -> str:
    """The nearest right thing for what was sent in the last authorization request."""
    asked = [one for one in entries if _begins(one)]
    told = parse_qs(asked[-1]["query"]) if asked else {}
    sent: Callable[[str], str] = lambda name: told.get(name, [""])[0]  # noqa: E731
    client = sent("client_id")
    if reason == "client-unknown":
        return ", ".join(nearest_names(client, known.redirect_uris) or list(known.redirect_uris)[:3])
    if reason in ("redirect-uri-unregistered", "redirect-uri-missing"):
        registered = list(known.redirect_uris.get(client, ()))
        return ", ".join(nearest_names(sent("redirect_uri"), registered) or registered[:3])
    if reason in ("audience-wrong", "audience-missing"):
        return iss
    if reason == "scope-not-registered":
        return known.scopes.get(client, "")
    return ""


def _fired(entry: JSON) -> list[Mapping[str, Any]]:
    return [one for one in entry.get("decisions", ()) if one["outcome"] == "fired"]


def _place(hop: Hop) -> str:
    return {"app": "The app", "ehr": "The EHR", "other": "A third server"}[hop.who]


def _last(journey: Journey) -> Hop:
    return journey.hops[-1]


def _at(journey: Journey) -> str:
    """Where the browser was: `at its launch address`, `at its callback`, or the address."""
    hop = _last(journey)
    if hop.number == journey.called_at:
        return "at its callback"
    return "at its launch address" if hop.number == 1 else f"at {hop.url}"


def _trouble(entries: Sequence[JSON]) -> str:
    """What the EHR answered last that may be behind it."""
    bad = [one for one in entries if one["status"] >= 400 or one["status"] == 0 or one.get("refused")]
    if not bad:
        return ""
    one = bad[-1]
    rules = "".join(f", by rule {rule['rule']}" for rule in _fired(one))
    because = f": {one['refused_because']}".rstrip(".") if one.get("refused_because") else ""
    at = f"{one['method']} {one['path']} with {one['status']}"
    return f"The EHR answered {at} (entry {one['entry']}{rules}){because}."


def _lost(journey: Journey) -> str:
    """Cookies that the app set on its way to the EHR and did not get back."""
    before = [hop for hop in journey.hops if hop.who == "app" and hop.number < (journey.called_at or 999)]
    blocked = [text for hop in journey.hops if hop.who == "app" for text in hop.blocked]
    if blocked:
        return f"Its cookies did not come back: {'; '.join(dict.fromkeys(blocked))}."
    after = [hop for hop in journey.hops if hop.number == journey.called_at]
    kept = {text.partition(" ")[0] for hop in before for text in hop.kept}
    missing = sorted(kept - {name for hop in after for name in hop.sent}) if after else []
    if missing:
        return f"It set {', '.join(missing)} before, which did not come back at the callback."
    if journey.called_at and before and not kept:
        return "It set no cookie before it sent the browser to the EHR, so it cannot know it again by one."
    return ""


def _broken(journey: Journey, entries: Sequence[JSON]) -> Finding:
    hop, stop = _last(journey), journey.stop
    nearest = _trouble(entries) or _lost(journey)
    what = f"{_place(hop)} broke off {_at(journey)}: {stop.detail}."
    if hop.who == "ehr":
        return Finding("failed", f"ehr-{stop.kind}", what, nearest, "Look at the site's rules: mockehr quirk armed.")
    remedy = "See the app's own log for this request."
    if _data_refused(entries):
        remedy = "Have the app ask for the scopes that its requests need, and bear it when it gets fewer."
    elif journey.called_at and not any(_redeems(one) for one in entries):
        remedy = "Keep what the callback needs (state, verifier) where it survives the way through the EHR."
    return Finding("failed", stop.kind, what, nearest, remedy)


def _unreachable(journey: Journey, entries: Sequence[JSON]) -> Finding:
    hop, detail = _last(journey), journey.stop.detail
    if hop.who == "ehr":
        remedy = "Look at the site's rules, and whether the address of the server is the one that it listens on."
        return Finding("failed", "ehr-unreachable", f"The EHR did not answer at {hop.url}: {detail}.", "", remedy)
    reason = "callback-unreachable" if hop.number == journey.called_at else "app-unreachable"
    if hop.who == "app" and hop.number > 1:  # it was there before: it fell over
        what = f"The app gave no answer {_at(journey)}: {detail}."
        remedy = "See the app's own log: it broke off at this request, or is gone since."
        return Finding("failed", reason, what, _trouble(entries), remedy)
    what = f"{_place(hop)} cannot be reached {_at(journey)} ({hop.url}): {detail}."
    return Finding("failed", reason, what, "", "Start the app, and give the address at which it listens.")


def _looped(journey: Journey, entries: Sequence[JSON]) -> Finding:
    remedy = "Let the app stop with a message when its session is lost, and not begin again."
    what = f"The browser goes in circles: {journey.stop.detail}."
    return Finding("failed", "loop", what, _lost(journey) or _trouble(entries), remedy)


def _scripts(journey: Journey, entries: Sequence[JSON]) -> Finding:
    what = f"The app's page {_at(journey)} runs in the browser: it has scripts, and leads nowhere without them."
    return Finding("needs-browser", "scripts", what, _trouble(entries), BROWSER_REMEDY)


def _page(journey: Journey, entries: Sequence[JSON]) -> Finding:
    hop = _last(journey)
    if hop.who == "ehr":
        shown = journey.stop.detail or "the EHR shows a page"
        remedy = f"mockehr journal why SITE {entries[-1]['entry']} says more." if entries else ""
        return Finding("refused", "ehr-page", f"{shown[:1].upper()}{shown[1:]}, and asks nothing.", "", remedy)
    what = f"The app answered {hop.status} {_at(journey)} and led nowhere: not to the authorization endpoint."
    remedy = "Redirect from the launch address to the authorization endpoint that the EHR's discovery names."
    return Finding("failed", "no-redirect", what, _trouble(entries), remedy)


def _not_redeemed(journey: Journey, entries: Sequence[JSON]) -> Finding:
    if journey.scripts:
        return _scripts(journey, entries)
    what = "The app was called back with a code and showed a page, but never redeemed the code."
    remedy = "Compare state with what was kept, then redeem the code at the token endpoint."
    return Finding("failed", "code-not-redeemed", what, _trouble(entries) or _lost(journey), remedy)


def _native(journey: Journey, entries: Sequence[JSON]) -> Finding:
    what = f"The app is called back outside of the browser: {journey.stop.detail}."
    return Finding("needs-browser", "native-app", what, "", "Open the address of --print where the app is installed.")


def _not_loaded(journey: Journey, entries: Sequence[JSON]) -> Finding:
    remedy = "The app should let its user begin again, and forget what it kept for a launch that never came back."
    return Finding("failed", "callback-not-loaded", f"{journey.stop.detail.capitalize()}.", "", remedy)


_JUDGES: Final[Mapping[str, Callable[[Journey, Sequence[JSON]], Finding]]] = MappingProxyType(
    {
        "unreachable": _unreachable,
        "timeout": _broken,
        "scripts": _scripts,
        "page": _page,
        "landed": _not_redeemed,
        "native-app": _native,
        "callback-not-loaded": _not_loaded,
    }
)
