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
from mockehr.core.errors import ConfigError, nearest_names
from mockehr.events import Hook, Policy, forms, policy_from, topics
from mockehr.events.sign import SCHEMES

T = TypeVar("T")
APP_GRANTS: Final = ("authorization_code", "refresh_token")
KINDS: Final = MappingProxyType(
    {"created": "create", "updated": "update", "deleted": "delete"}
    | {"create": "create", "update": "update", "delete": "delete"}
)
"""The last word of a topic, as a webhook's `type` has it or as the interaction is called → its kind of change."""
ANY: Final = "*"
_EVERY_KIND: Final = frozenset(KINDS.values())


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

    A topic is `patient.created`, `Patient`, `*.deleted` or `*`, or the name of an event of the hospital such as
    `encounter-start`, or one of the form's own such as `LabResult.create`. Raises ConfigError for topics that there
    are none of, for several that one receiver cannot tell apart, for an unknown form or way to sign, and for wrong
    settings of deliveries.
    """
    problems: list[str] = []
    form = forms().get(config.form) if config.form in forms() else None
    known = {**dict(topics().items()), **(form.topics if form is not None else {})}
    named = [topic for topic in config.topics if topic in known]
    resources, kinds = _topics([topic for topic in config.topics if topic not in named], types, problems)
    if named and len(named) < len(config.topics):
        problems.append("topics: changes of resources and events of the hospital want two webhooks")
    policy = form.policy if form is not None else Policy()
    if form is None:
        problems.append(no_such("form of notification", config.form, forms()))
    elif config.payload not in form.payloads:
        problems.append(f"payload: {config.form} carries {' or '.join(form.payloads)}, not {config.payload}")
    if config.signing and config.signing not in SCHEMES:
        problems.append(no_such("way to sign", config.signing, SCHEMES))
    try:
        policy = policy_from(config.settings, policy)
    except ConfigError as error:
        problems += [f"settings: {problem}" for problem in error.problems]
    called = config.name or name
    hook = Hook(
        called, config.url, config.secret, resources, kinds, config.payload,
        topics=tuple(known[topic] for topic in named), form=config.form, signing=config.signing, policy=policy,
        headers=tuple((key.lower(), value) for key, value in config.headers.items()),
    )  # fmt: skip
    return unless(problems, f"The webhook {called} cannot be set up.", hook)


def _topics(
    wanted: Iterable[str], types: Iterable[str], problems: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Resources and kinds of change that one Hook tells of; empty for any."""
    names = {name.lower(): name for name in types}
    pairs: dict[tuple[str, str], None] = {}
    for topic in wanted:
        word, _, change = topic.partition(".")
        resource = ANY if word == ANY else names.get(word.lower())
        kinds = _EVERY_KIND if change in ("", ANY) else {KINDS[change]} if change in KINDS else None
        if resource is None:
            changes_of = (f"{name}.created" for name in names) if change else names.values()
            problems.append(no_such("topic", topic, [*topics(), *changes_of], of=topic.lower() if change else topic))
        elif kinds is None:
            problems.append(no_such("kind of change", change, KINDS))
        else:
            pairs |= dict.fromkeys((resource, kind) for kind in sorted(kinds))
    pairs = {pair: None for pair in pairs if pair[0] == ANY or (ANY, pair[1]) not in pairs}
    resources, changes = dict.fromkeys(r for r, _ in pairs), dict.fromkeys(k for _, k in pairs)
    if len(pairs) != len(resources) * len(changes) or (ANY in resources and len(resources) > 1):
        problems.append(
            f"topics: {', '.join(wanted)} cannot go to one receiver, which has resources and changes but no pairs of "
            "them; write two webhooks"
        )
    every = len(changes) == len(_EVERY_KIND)
    return () if ANY in resources else tuple(resources), () if every else tuple(changes)


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
