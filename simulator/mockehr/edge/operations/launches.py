"""Opening an app from the EHR and driving it to its end, as a browser at the hospital would."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.exchange import JSON
from mockehr.edge.launch_lab import launch_app
from mockehr.sites.launching import make_known, planned
from mockehr.sites.site import Site


@operation("app launch", "POST", "/launch")
def drive(
    site: Site,
    app: str,
    address: str = "",
    client_id: str = "",
    user: str = "clinician",
    patient: str = "",
    encounter: str = "",
    intent: str = "",
    context: Sequence[Any] = (),
    extras: Document = NOTHING,
    ask: bool = False,
    deny: bool = False,
    redirect_uri: str = "",
    scopes: str = "",
) -> Coroutine[Any, Any, JSON]:
    """Open an app from the EHR, drive it to its callback as a browser would, and answer with a record of every hop.

    With `redirect_uri` the app is registered as a public client if `client_id` is unknown. With `ask` the hospital's
    pages are shown and answered, with `deny` the user declines. What the app does wrong stands in the record.
    """
    if redirect_uri:
        make_known(site, client_id, redirect_uri, scopes)
    launch = planned(
        site,
        user=user,
        patient=patient,
        encounter=encounter,
        intent=intent,
        context=context,
        extras=extras,
        client_id=client_id,
        ask=ask,
        deny=deny,
    )

    async def driven() -> JSON:
        return (await launch_app(site, launch, app, address, user=user, deny=deny)).as_json()

    return driven()
