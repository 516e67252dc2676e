"""The ready-made client of every served site, so that a first call needs no registration."""

from __future__ import annotations

from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key
from mockehr.auth.scopes import Scopes
from mockehr.sites.site import Site

CLIENT_ID = "demo"
SCOPES = "system/*.cruds"
