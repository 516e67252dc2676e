"""The ready-made client of every served site, so that a first call needs no registration."""

from __future__ import annotations

from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.sites.site import Site

CLIENT_ID = "demo"
SCOPES = "system/*.cruds"


def register_demo_client(site: Site, client_id: str = CLIENT_ID, scopes: str = SCOPES) -> Client:
    """Register `client_id` with the bundled public test keys (`corpora/keys`), for all system scopes unless told."""
    keys = [load_key(read_bundled_key(f"client-1-{alg}")) for alg in ("ES384", "RS384")]
    client = Client(client_id, Scopes.parse(scopes), jwks=public_jwks(*keys))
    site.auth.clients.add(client)
    return client
