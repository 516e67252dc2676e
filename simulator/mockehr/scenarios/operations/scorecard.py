"""How clients behaved at a site so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockehr.control.operation import operation
from mockehr.scenarios.scorecard import cases_of, judge
from mockehr.sites.site import Site


@operation("scorecard show", "GET", "/scorecard")
def show(site: Site, probes: Sequence[Any] = ()) -> dict[str, Any]:
    """Every client's findings at a site so far, by the named probes or all of them (`truth` sees no records here)."""
    scopes = {client.client_id: client.scopes.text for client in site.auth.clients}
    cases = cases_of(list(site.journal), site.name, scopes=scopes)
    return judge(cases, [str(name) for name in probes], title=site.name, seed=str(site.options.seed)).as_json()
