"""Signing people out."""

from __future__ import annotations

from typing import Any

from mockehr.control.operation import operation
from mockehr.sites.site import Site


@operation("session end", "DELETE", "/sessions")
def end(site: Site, user: str = "", client_id: str = "", tokens: bool = False) -> dict[str, Any]:
    """Sign a user out, or everybody: browsers ask again, `online_access` is over; with `tokens` access tokens too."""
    if user:
        site.auth.users.get(user)
    if client_id:
        site.auth.clients.get(client_id)
    return {"ended": site.auth.end_sessions(user, client_id, tokens=tokens)}
