"""Exports as the control API tells of them."""

from __future__ import annotations

import pytest
from tests.sites.exporter import Exporter, site_of

from mockehr.control.facade import Control
from mockehr.core.errors import UnknownName
from mockehr.sites.directory import Directory


def test_groups_jobs_and_cancelling() -> None:
    site = site_of(patients=20, groups={"all": {}, "first": {"patients": 5}})
    directory = Directory()
    directory.add(site)
    control = Control(directory)
    told = control.call("bulk groups", site="a")["groups"]
    assert [(one["name"], one["id"], one["patients"]) for one in told] == [("all", "d0", 20), ("first", "d1", 5)]
    group = {"resourceType": "Group", "id": "g", "name": "mine", "member": [{"entity": {"reference": "Patient/p1"}}]}
    site.store.commit(group, kind="create", source="control")
    assert control.call("bulk groups", site="a")["groups"][2] == {
        "name": "mine", "id": "g", "patients": 1, "written": True,
    }  # fmt: skip
    assert control.call("bulk jobs", site="a") == {"jobs": []}
    client = Exporter(site)
    where = client.kick_off("/Group/d1").header("Content-Location")
    (job,) = control.call("bulk jobs", site="a")["jobs"]
    assert (job["client"], job["level"], job["group"], job["patients"]) == ("c", "group", "d1", 5)
    assert job["state"] == "in progress"
    site.clock.advance(3600)
    assert control.call("bulk jobs", site="a")["jobs"][0]["state"] == "complete"
    assert control.call("bulk cancel", site="a", id=job["id"]) == {"cancelled": job["id"]}
    assert client.send("GET", where).status == 404
    with pytest.raises(UnknownName):
        control.call("bulk cancel", site="a", id=job["id"])
