"""Grant types, one file each. A new one is a module with NAME and draft(), and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.auth.grants import client_credentials
from mockehr.auth.grants.flow import Draft

GRANTS: Final[Mapping[str, Draft]] = MappingProxyType({client_credentials.NAME: client_credentials.draft})
"""Every grant type by its `grant_type` value."""
