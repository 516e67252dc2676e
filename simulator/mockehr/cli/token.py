"""`mockehr token`: a first access token by hand, or all that one needs to get it oneself."""

from __future__ import annotations

import os
import shlex
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import click
import orjson

from mockehr.cli.operations import DEFAULT_SERVER, ask, open_url
from mockehr.core.chance import Chance
from mockehr.core.errors import EnvironmentProblem, UsageError

KEY: Final = "client-1-ES384"
LIVES: Final = 240
"""Seconds that an assertion is good for; SMART allows 300."""
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@click.command()
@click.argument("site", default="")
@click.option("--client", default="demo", show_default=True, help="Client id; one that has the public test keys.")
@click.option("--scopes", default="system/*.cruds", show_default=True, help="Scopes to ask for, with spaces.")
@click.option("--curl", "as_curl", is_flag=True, help="Print a curl command that asks for one, good for 4 minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer: granted scope, expires_in.")
@click.option("--key", type=click.Choice(["jwk", "pem"]), help="Print the private test key itself; needs no server.")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
@click.option("--token", "control_token", default="", help="Token of the control API.")
def token(
    site: str,
    client: str,
    scopes: str,
    as_curl: bool,
    as_json: bool,
    key: str | None,
    server: str,
    control_token: str,
) -> None:
    """Print an access token for a site of a running server.

    Made by SMART Backend Services with the public test key that the client `demo` of every served site has:

    curl -H "Authorization: Bearer $(mockehr token north)" FHIR_URL/Patient/ID

    Exit status: 0 with a token, 2 if the site refuses it, 3 if no server answers.
    """
    from mockehr.auth.keys import load_key, private_jwk, read_bundled_key

    signer = load_key(read_bundled_key(KEY))
    if key == "jwk":
        click.echo(orjson.dumps(private_jwk(signer), option=orjson.OPT_INDENT_2).decode())
        return
    if key == "pem":
        from joserfc.jwk import import_key

        pem = import_key(dict(private_jwk(signer))).as_pem(private=True)  # type: ignore[union-attr]
        click.echo(pem.decode(), nl=False)
        return
    if not site:
        raise click.UsageError("Name the site, or ask for the key with --key jwk.")
    url, form = _request(site, client, scopes, server, control_token)
    if as_curl:
        words = ["curl", "-s", url, *(part for pair in form.items() for part in ("--data-urlencode", "=".join(pair)))]
        click.echo(shlex.join(words))
        return
    answer = _asked(url, form, site)
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if as_json else answer["access_token"])


def _request(site: str, client: str, scopes: str, server: str, control_token: str) -> tuple[str, dict[str, str]]:
    """Token endpoint and form, with an assertion that holds by the site's own clock and by a key that it takes."""
    from mockehr.auth.keys import load_key, sign
    from mockehr.control.facade import operations
    from mockehr.sites.test_client import fitting_key

    known = operations()
    shown = ask(known.get("site show"), server, control_token, {"site": site})
    now = ask(known.get("clock show"), server, control_token, {"site": site})["now"]
    url = f"{server.rstrip('/')}/{quote(site)}{shown['token']}"
    at = int(datetime.fromisoformat(now).timestamp())
    # Unlike all other draws this one must differ from call to call: a jti is taken once.
    jti = Chance(f"{now}/{shown['entries']}/{os.getpid()}").stream("token", client).uuid()
    claims = {"iss": client, "sub": client, "aud": url, "iat": at, "exp": at + LIVES, "jti": jti}
    return url, {
        "grant_type": "client_credentials",
        "scope": scopes,
        "client_assertion_type": JWT_BEARER,
        "client_assertion": sign(load_key(fitting_key(shown["assertion_algs"])), claims),
    } | {name: value or client for name, value in shown["token_parameters"].items()}


def _asked(url: str, form: dict[str, str], site: str) -> dict[str, Any]:
    request = urllib.request.Request(url, data=urlencode(form).encode(), headers={"Accept": "application/json"})
    entry = ""
    try:
        with open_url(request) as answer:
            entry = answer.headers.get("X-Mockehr-Entry", "")
            found: Any = orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        entry = error.headers.get("X-Mockehr-Entry", "")
        raise UsageError(
            f"The site {site} refused a token: {error.code} {error.read().decode('utf-8', 'replace')}".rstrip(),
            remedy=f"mockehr journal why {site} {entry} says why." if entry else "",
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise EnvironmentProblem(
            f"The token endpoint gave no usable answer: {error}.",
            remedy=f"Ask again, or look for a quirk: mockehr quirk armed {site}.",
        ) from error
    if not isinstance(found, dict) or "access_token" not in found:
        raise EnvironmentProblem(
            "The token endpoint's answer holds no token.", remedy=f"mockehr journal why {site} {entry} says why."
        )
    return found
