"""Grant types, one file each. A new one is a module with NAME and draft(), and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.auth.grants import authorization_code, client_credentials, jwt_bearer, refresh_token
from mockehr.auth.grants.flow import Draft

GRANTS: Final[Mapping[str, Draft]] = MappingProxyType(
    {module.NAME: module.draft for module in (authorization_code, refresh_token, client_credentials, jwt_bearer)}
)
"""Every grant type by its `grant_type` value."""
