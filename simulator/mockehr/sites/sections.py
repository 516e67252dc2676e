"""The sections of a site's file, each turned into the value that a site works with.

Every function refuses with ConfigError what the file may say but a site cannot do; `problems` then has all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.config.settings import ClientConfig, WebhookConfig
from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError, nearest_names
from mockehr.events import Hook

T = TypeVar("T")
APP_GRANTS: Final = ("authorization_code", "refresh_token")
KINDS: Final = MappingProxyType(
    {"created": "create", "updated": "update", "deleted": "delete"}
    | {"create": "create", "update": "update", "delete": "delete"}
)
"""The last word of a topic, as a webhook's `type` has it or as the interaction is called → its kind of change."""
ANY: Final = "*"
_EVERY_KIND: Final = frozenset(KINDS.values())
_HOOK_SETTINGS: Final = ("ladder", "timeout")


def client_from(config: ClientConfig, offered: AuthSettings, *, now: float = 0.0) -> Client:
    """The registration that a file describes, at a server that offers those grants and methods, at that site time.

    Without any credential it gets the public test keys, as over the control API. Raises ConfigError for a grant type
    or method that the server lacks, for what no grant uses, and for keys that are none.
    """
    problems = [
        no_such("grant type", name, offered.grants) for name in config.grant_types if name not in offered.grants
    ]
    methods = offered.auth_methods
    problems += [no_such("auth method", name, methods) for name in config.auth_methods if name not in methods]
    grants = tuple(config.grant_types) or (APP_GRANTS if config.redirect_uris else ("client_credentials",))
    problems += _ways_back(config, grants)
    if config.public and (config.secret or config.jwks is not None or config.jwks_uri):
        problems.append("public: a public client has no secret and no keys")
    if config.jwks_uri and not config.jwks_uri.startswith(("http://", "https://")):
        problems.append(f"jwks_uri: {config.jwks_uri!r} is no address such as https://host/jwks.json")
    keys = config.jwks.get("keys") if config.jwks is not None else []
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        problems.append('jwks: is no JWK Set; write it like {"keys": [...]}')
    told = config.jwks is not None or config.jwks_uri or config.secret or config.public
    client = Client(
        config.client_id,
        Scopes.parse(" ".join(config.scopes)),
        jwks=config.jwks if told else test_keys(),
        jwks_uri=config.jwks_uri,
        secret=config.secret,
        active=config.active,
        active_from=now + config.active_after if config.active_after else 0.0,
        public=config.public,
        redirect_uris=tuple(config.redirect_uris),
        grant_types=grants,
        auth_methods=cast(Any, tuple(config.auth_methods)),
        name=config.name,
    )
    bare = replace(client, auth_methods=()).methods()
    problems += [
        f"auth_methods: {name} wants {'jwks' if name == 'private_key_jwt' else 'a secret'}"
        for name in client.auth_methods
        if name in methods and name not in bare
    ]
    return unless(problems, f"The client {config.client_id} cannot be registered.", client)


def _ways_back(config: ClientConfig, grants: tuple[str, ...]) -> list[str]:
    """What is wrong with the redirect URIs of a client of those grant types."""
    wrong = [
        f"redirect_uris: {uri!r} is no address to come back to, such as https://host/callback"
        for uri in config.redirect_uris
        if not urlsplit(uri).scheme
    ]
    if ("authorization_code" in grants) != bool(config.redirect_uris):
        wrong.insert(0, "redirect_uris: belong to the grant type authorization_code, and it to them")
    return wrong


def test_keys() -> dict[str, Any]:
    """The public halves of the bundled test keys, as a JWK Set."""
    return public_jwks(*(load_key(read_bundled_key(f"client-1-{alg}")) for alg in ("ES384", "RS384")))


def hook_from(config: WebhookConfig, name: str, types: Iterable[str]) -> Hook:
    """The receiver that a file describes, called `name` unless it has one; `types` are the site's resource types.

    A topic is `patient.created`, `Patient`, `*.deleted` or `*`. Raises ConfigError for topics that no resource and
    change has, for several that one receiver cannot tell apart, and for settings other than `ladder` and `timeout`.
    """
    problems: list[str] = []
    resources, kinds = _topics(config.topics, types, problems)
    if config.payload == "empty":
        problems.append("payload: empty is not sent by this site; use id-only or full")
    settings: dict[str, Any] = {}
    for key, value in config.settings.items():
        try:
            if key == "ladder":
                waits = value.split(",") if isinstance(value, str) else value
                if not isinstance(waits, list):
                    raise ValueError(f"{value!r} is no list of waits such as [10s, 1m]")
                settings[key] = tuple(_span(wait) for wait in waits)
            elif key == "timeout":
                settings[key] = _span(value)
            else:
                problems.append(no_such("setting", key, _HOOK_SETTINGS))
        except ValueError as error:
            problems.append(f"settings.{key}: {error}")
    payload = "full" if config.payload == "full" else "id-only"
    called = config.name or name
    hook = Hook(called, config.url, config.secret, resources, kinds, cast(Any, payload), **settings)
    return unless(problems, f"The webhook {called} cannot be set up.", hook)


def _topics(
    topics: Iterable[str], types: Iterable[str], problems: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Resources and kinds of change that one Hook tells of; empty for any."""
    names = {name.lower(): name for name in types}
    pairs: dict[tuple[str, str], None] = {}
    for topic in topics:
        word, _, change = topic.partition(".")
        resource = ANY if word == ANY else names.get(word.lower())
        kinds = _EVERY_KIND if change in ("", ANY) else {KINDS[change]} if change in KINDS else None
        if resource is None:
            problems.append(
                no_such("topic", topic, [f"{name}.created" for name in names], of=f"{word.lower()}.created")
            )
        elif kinds is None:
            problems.append(no_such("kind of change", change, KINDS))
        else:
            pairs |= dict.fromkeys((resource, kind) for kind in sorted(kinds))
    pairs = {pair: None for pair in pairs if pair[0] == ANY or (ANY, pair[1]) not in pairs}
    resources, changes = dict.fromkeys(r for r, _ in pairs), dict.fromkeys(k for _, k in pairs)
    if len(pairs) != len(resources) * len(changes) or (ANY in resources and len(resources) > 1):
        problems.append(
            f"topics: {', '.join(topics)} cannot go to one receiver, which has resources and changes but no pairs of "
            "them; write two webhooks"
        )
    every = len(changes) == len(_EVERY_KIND)
    return () if ANY in resources else tuple(resources), () if every else tuple(changes)


def _span(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or duration(value) < 0:
        raise ValueError(f"{value!r} is no span of time such as 30s")
    return duration(value)


def no_such(kind: str, name: str, known: Iterable[str], *, of: str = "") -> str:
    """`there is no <kind> <name>`, with the nearest that there is."""
    names = list(known)
    near = nearest_names(of or name, names, limit=1)
    return f"there is no {kind} {name!r}" + (f"; nearest: {near[0]}" if near else f"; valid: {', '.join(names[:12])}")


def unless(problems: list[str], what: str, made: T) -> T:
    """`made`, or ConfigError with what is wrong with it."""
    if problems:
        raise ConfigError(what, problems)
    return made
