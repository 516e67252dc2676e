"""How Oracle Health speaks of who is let in: token documents, and errors as addresses of pages. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from mockehr.core.exchange import JSON, Reply

URN: Final = "urn:cerner:error:authorization-server:oauth2:"


def error_uri(root: str, path: str, suffix: str, instance: str, *, client: str, tenant: str) -> str:
    """The address of the page about one error; `root` may be empty for the vendor's own host."""
    about = urlencode({name: value for name, value in (("client", client), ("tenant", tenant)) if value})
    base = f"{root}{path}" if root else "https://authorization.cerner.com/errors"
    return f"{base}/{quote(URN + suffix, safe='')}/instances/{instance}?{about}"


def error_text(path: str) -> str:
    """What the page says at such an address; empty if there is none."""
    _, _, rest = path.partition(URN)
    suffix, mark, instance = rest.partition("/instances/")
    if not suffix or not mark or not instance:
        return ""
    return f"{suffix.rpartition(':')[2].replace('-', ' ').replace('_', ' ').capitalize()} ({URN}{suffix})"


def refusal(redirect: Any, uri: str) -> Reply:
    """To the app with `error` and `error_uri`, or to the page about the error if the app's address is not proved."""
    if not redirect.url:
        return Reply(303, [("Location", uri), ("Cache-Control", "no-store")])
    told = {"state": redirect.state, "error": redirect.refused.error, "error_uri": uri}
    query = urlencode({name: value for name, value in told.items() if value})
    mark = "&" if "?" in redirect.uri else "?"
    return Reply(302, [("Location", f"{redirect.uri}{mark}{query}"), ("Cache-Control", "no-store")])


def token_document(document: JSON, grant: Any, settings: Mapping[str, Any], tenant: str) -> JSON:
    """The tenant always; of a user the id and the name; how long a session may rest that is renewed."""
    made = {**document, "token_type": str(settings["type"])}
    made.pop("state", None)
    if grant is not None and grant.user:
        made["user"] = grant.user.rpartition("/")[2]
        made["username"] = grant.username
    made["tenant"] = tenant
    if "refresh_token" in made and grant is not None and "online_access" in grant.scopes:
        made["active_ttl"] = int(settings["server"]["online_lifetime"])
    return made


REFUSED: Final = (
    ("Access-Control-Allow-Headers", "Content-Type, Authorization, Accept, Cerner-Correlation-Id"),
    ("Access-Control-Allow-Methods", "OPTIONS, POST"),
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "no-store"),
    ("Expect-CT", "enforce, max-age=30"),
    ("Pragma", "no-cache"),
    ("Server", "cloud_authorization_server1"),
)
"""Headers of a refused token request."""
