"""Driving the launches of a scenario, one after the other."""

from __future__ import annotations

from mockehr.edge.launch_lab import launch_app
from mockehr.scenarios.launched import Launched
from mockehr.scenarios.trial import Trial


async def drive_launches(trial: Trial, address: str) -> None:
    """Open the scenario's app as often as it says; what became of it is kept in `trial.launched`.

    `address` is that of the server, as the app and the browser reach it. Raises what planning a launch raises.
    """
    app = trial.scenario.client.launch_url
    for site, launch, told in trial.launches():
        record = await launch_app(site, launch, app, address, user=told.user, deny=told.deny)
        opened = next((one["entry"] for one in record.entries if one["channel"] == "launch"), 0)
        trial.launched.append(Launched(site.name, record.outcome, record.what, opened, told.expect))
